import type { Message, ToolResult } from "../model.js";

/**
 * How far behind the first message of a step its last one may lie, in sequences: what is
 * looked for around a message is bounded by it.
 */
export const MAX_STEP_SPAN = 1_000;

/** Messages that are given together or not at all. */
export interface Unit {
  /** A user message, a system message, or a step: an assistant message with its tools' results. */
  readonly kind: "user" | "system" | "step";
  /** One at least, in their order. */
  readonly messages: readonly [Message, ...Message[]];
  /** The ids of the calls that no result answers. */
  readonly unansweredCalls: readonly string[];
}

/** The sequence of a unit's first message, which stands for its place. */
export function placeOf({ messages: [first] }: Unit): number {
  return first.sequence;
}

/** Gives a message that is a unit by itself. */
export function toUnit(kind: "user" | "system", message: Message): Unit {
  return { kind, messages: [message], unansweredCalls: [] };
}

/** Whether a message is no part of any context: it is being written, or was cut off before it had anything. */
export function isUnfit({ status, content, parts }: Message): boolean {
  if (status === "streaming") return true;
  return status === "interrupted" && content === "" && parts.length === 0;
}

/** The results in a message. */
export function resultsOf({ role, parts }: Message): readonly ToolResult[] {
  return role === "tool" ? parts.filter((part) => part.type === "tool_result") : [];
}

/** The ids of the calls in a message. */
export function callsOf({ role, parts }: Message): readonly string[] {
  if (role !== "assistant") return [];
  return parts.flatMap((part) => (part.type === "tool_call" ? [part.id] : []));
}

/**
 * Groups messages that follow each other, oldest first, into user messages and steps, in
 * the order of their first messages. System messages are left out, and so is what is unfit.
 *
 * A result belongs to the newest call before it that has its id and no result yet. One
 * without a call is left out. A tool's message without any result belongs to the step
 * that it follows. A message that answers several steps makes them one.
 */
export function toUnits(messages: readonly Message[]): readonly Unit[] {
  const grouping = new Grouping();
  for (const message of messages) {
    if (!isUnfit(message)) grouping.add(message);
  }
  return grouping.units;
}

interface OpenStep {
  readonly kind: "step";
  readonly messages: [Message, ...Message[]];
  readonly openCalls: Set<string>;
}

class Grouping {
  #units: (OpenStep | Unit)[] = [];
  /** By the id of a call, the newest step that made it. */
  readonly #callers = new Map<string, OpenStep>();

  get units(): readonly Unit[] {
    return this.#units.map((unit) =>
      "openCalls" in unit
        ? { kind: unit.kind, messages: unit.messages, unansweredCalls: [...unit.openCalls] }
        : unit,
    );
  }

  add(message: Message): void {
    switch (message.role) {
      case "user":
        this.#units.push(toUnit("user", message));
        break;
      case "assistant":
        this.#begin(message);
        break;
      case "tool":
        this.#answer(message);
        break;
      case "system":
        break;
    }
  }

  #begin(message: Message): void {
    const step: OpenStep = {
      kind: "step",
      messages: [message],
      openCalls: new Set(callsOf(message)),
    };
    this.#units.push(step);
    for (const call of step.openCalls) this.#callers.set(call, step);
  }

  #answer(message: Message): void {
    if (resultsOf(message).length === 0) {
      const last = this.#units.at(-1);
      if (last !== undefined && "openCalls" in last && isWithin(last, message)) {
        last.messages.push(message);
      }
      return;
    }
    const answered = new Set<OpenStep>();
    const parts = message.parts.filter((part) => {
      if (part.type !== "tool_result") return true;
      const step = this.#callers.get(part.callId);
      if (step === undefined || !isWithin(step, message)) return false;
      if (!step.openCalls.delete(part.callId)) return false;
      answered.add(step);
      return true;
    });
    const [step, ...others] = answered;
    if (step === undefined) return;
    const isWhole = parts.length === message.parts.length;
    this.#join(step, others).messages.push(isWhole ? message : { ...message, parts });
  }

  /** Makes one step of several: the oldest of them takes in the others. */
  #join(step: OpenStep, others: readonly OpenStep[]): OpenStep {
    if (others.length === 0) return step;
    const [oldest = step, ...newer] = [step, ...others].sort((a, b) => firstOf(a) - firstOf(b));
    for (const { messages, openCalls } of newer) {
      oldest.messages.push(...messages);
      for (const call of openCalls) oldest.openCalls.add(call);
    }
    oldest.messages.sort((a, b) => a.sequence - b.sequence);
    for (const [call, caller] of this.#callers) {
      if (newer.includes(caller)) this.#callers.set(call, oldest);
    }
    this.#units = this.#units.filter((unit) => !("openCalls" in unit) || !newer.includes(unit));
    return oldest;
  }
}

function firstOf({ messages: [first] }: OpenStep): number {
  return first.sequence;
}

function isWithin(step: OpenStep, { sequence }: Message): boolean {
  return sequence - firstOf(step) <= MAX_STEP_SPAN;
}
