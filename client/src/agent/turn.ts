import { invalidArgument, StateError } from "../errors.js";
import type { ContextMessage } from "../model/context.js";
import type { NewMessage } from "../model/message.js";
import type { ToolCallPart, ToolResultPart } from "../model/part.js";
import { newId } from "../uuid.js";
import type { AgentSession } from "./agent-session.js";
import { roomBeside } from "./append-results.js";
import type { ChatModel, ModelMessage, ModelTool } from "./chat-model.js";
import { ModelCall } from "./model-call.js";
import { ModelError } from "./model-error.js";
import { resultsLeftOut } from "./refusals.js";
import { ReplyFlow } from "./reply-flow.js";
import { runWaitedFor } from "./session-queue.js";
import { runTool, type Tool } from "./tool.js";
import { type ToolMessage, toToolMessage } from "./tool-message.js";
import { TurnReply } from "./turn-reply.js";
import { unansweredTurn } from "./unanswered-turn.js";
import { untilAborted } from "./until-aborted.js";

const MAX_STEPS = 25;

/** What an agent's turns have in common. */
export interface TurnSettings {
  readonly model: ChatModel;
  readonly systemPrompt: string | undefined;
  readonly tools: readonly Tool[];
}

type ModelContext = readonly ContextMessage[];

/** A call that was made before its question was stored. */
interface EarlyCall {
  readonly sent: readonly ModelMessage[];
  readonly call: ModelCall;
}

/** One turn of a session: a question, the model's steps, and the tools that they call. */
export class Turn {
  /** What the caller reads. It is ended by whoever runs the turn. */
  readonly flow = new ReplyFlow();
  readonly #session: AgentSession;
  readonly #settings: TurnSettings;
  readonly #cancel = new AbortController();
  #questionId: string | undefined;
  #isBegun = false;
  /** What the model was sent last. */
  #sent: readonly ModelMessage[] = [];
  #cutShort: string | undefined;

  constructor(session: AgentSession, settings: TurnSettings) {
    this.#session = session;
    this.#settings = settings;
  }

  /** Why the model ended an answer early; undefined if it did not. */
  get cutShort(): string | undefined {
    return this.#cutShort;
  }

  /** Ends the turn early: what the caller has got so far is stored, as interrupted. */
  cancel(cause?: unknown): void {
    const error = new ModelError("cancelled", "the caller stopped", { cause });
    this.#cancel.abort(error);
    this.flow.drop();
    // One that waits for other turns has nothing to store.
    if (!this.#isBegun) this.flow.end(error);
  }

  /**
   * Asks the model, and answers the tool calls, until there are none; everything is stored
   * when it returns.
   */
  async ask(text: string): Promise<void> {
    // Also of callers that are written without types.
    if (typeof text !== "string") throw invalidArgument("text", "must be a text: the question");
    this.#begin();
    const question = { id: newId(), role: "user", content: text, parts: [] } as const;
    this.#questionId = question.id;
    const sent = await this.#session.contextWith(question);
    const early = sent && { sent, call: this.#call(sent) };
    await this.#steps(await this.#store(question, early));
  }

  /** Goes on with the session's last turn, if it is unanswered. */
  async resume(): Promise<void> {
    this.#begin();
    const newest = await this.#session.settled(this.#cancel.signal);
    const context = await this.#contextWith(newest?.role === "tool" ? [newest] : []);
    const { messages, interrupted, questionId } = unansweredTurn(context);
    if (messages.length === 0) return;
    this.#questionId = questionId;
    if (interrupted.length > 0) await this.#session.append(interrupted.map(toToolMessage));
    await this.#steps(this.#call(messages));
  }

  #begin(): void {
    this.#cancel.signal.throwIfAborted();
    this.#isBegun = true;
  }

  /** Stores the question while the model is asked, and gives the call that answers it. */
  async #store(question: NewMessage, early: EarlyCall | undefined): Promise<ModelCall> {
    try {
      const isAlone = await this.#session.append([question]);
      if (early && isAlone) return early.call;
      const fresh = await this.#session.context();
      if (early && isSame(early.sent, fresh)) return early.call;
      if (early) await this.#giveUp(early.call);
      return this.#call(fresh);
    } catch (error) {
      early?.call.cancel(new ModelError("cancelled", "the question could not be stored"));
      throw error;
    }
  }

  #giveUp(call: ModelCall): Promise<void> {
    call.cancel(new ModelError("cancelled", "somebody else wrote to the session meanwhile"));
    return this.#session.record(call.toApiCall(this.#questionId));
  }

  async #steps(first: ModelCall): Promise<void> {
    let call = first;
    for (let step = 1; step <= MAX_STEPS; step++) {
      await new TurnReply(this.#session, this.flow, call, this.#questionId).run();
      this.#cutShort = call.cutShort;
      if (call.toolCalls.length === 0) return;
      const results = await this.#runTools(call.toolCalls);
      if (step < MAX_STEPS) call = this.#call(await this.#contextWith(results));
    }
    const message = `the model still called tools in step ${MAX_STEPS}: ask again to go on`;
    throw new StateError("resource_exhausted", message, { reason: "TOO_MANY_STEPS" });
  }

  /** Runs tools, and stores their results: those that there are when the turn is cancelled. */
  async #runTools(calls: readonly ToolCallPart[]): Promise<readonly ToolMessage[]> {
    const { signal } = this.#cancel;
    signal.throwIfAborted();
    const ended = new Map<ToolCallPart, ToolResultPart>();
    const running = calls.map(async (call) => {
      const run = () => runTool(this.#settings.tools, call, signal);
      ended.set(call, await runWaitedFor(this.#session.id, run));
    });
    // Whether it was aborted is asked when what there is has been stored.
    await untilAborted(Promise.all(running), signal).catch(() => undefined);
    const results = calls.flatMap((call) => ended.get(call) ?? []).map(toToolMessage);
    if (results.length > 0) {
      const answer: ModelMessage = { role: "assistant", content: "", parts: calls };
      await this.#session.appendResults(results, roomBeside([...this.#sent, answer]));
    }
    signal.throwIfAborted();
    return results;
  }

  /**
   * Reads what the model is to be sent, with results in it: one that it is not told would make
   * it run the tool again.
   */
  async #contextWith(results: readonly { readonly id: string }[]): Promise<ModelContext> {
    const context = await this.#session.context();
    const sent = new Set(context.map(({ id }) => id));
    if (results.every(({ id }) => sent.has(id))) return context;
    throw resultsLeftOut();
  }

  /** @throws the reason of a turn that is cancelled. */
  #call(context: readonly ModelMessage[]): ModelCall {
    this.#cancel.signal.throwIfAborted();
    const { model, systemPrompt, tools } = this.#settings;
    const prompt = { role: "system", content: systemPrompt ?? "", parts: [] } as const;
    const messages = (systemPrompt === undefined ? context : [prompt, ...context]).map(toSent);
    this.#sent = messages;
    return new ModelCall(model, { messages, tools: tools.map(toModelTool) }, this.#cancel.signal);
  }
}

function toSent({ role, content, parts }: ModelMessage): ModelMessage {
  return { role, content, parts };
}

function toModelTool({ name, description, parameters }: Tool): ModelTool {
  return { name, description, parameters };
}

function isSame(sent: readonly ModelMessage[], fresh: readonly ModelMessage[]): boolean {
  return JSON.stringify(sent.map(toSent)) === JSON.stringify(fresh.map(toSent));
}
