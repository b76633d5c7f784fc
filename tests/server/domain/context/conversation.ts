import fc from "fast-check";
import type { MessageContent, Part, Role } from "../../../../server/src/domain/model.js";

/** A message of a conversation, and what it belongs to. */
export interface Line extends Pick<MessageContent, "parts" | "pinned" | "tokenCount"> {
  readonly role: Role;
  /** The number of its turn; 0 before the first user message. */
  readonly turn: number;
  /** The number of its step; undefined if it is in none. */
  readonly step: number | undefined;
}

/** An assistant message: how many tools it calls, and how many of them answer. */
interface StepShape {
  readonly calls: number;
  readonly answers: number;
  /** Whether one message has all results. */
  readonly together: boolean;
  /** Whether a system message comes between the call and its results. */
  readonly disturbed: boolean;
}

const step: fc.Arbitrary<StepShape> = fc.record({
  calls: fc.integer({ min: 0, max: 3 }),
  answers: fc.integer({ min: 0, max: 3 }),
  together: fc.boolean(),
  disturbed: fc.nat(9).map((dice) => dice === 0),
});

const turns = fc.array(fc.array(step, { maxLength: 5 }), { maxLength: 12 });

const marks = fc.infiniteStream(
  fc.record({
    pinned: fc.nat(19).map((dice) => dice === 0),
    tokenCount: fc.integer({ min: 1, max: 9 }),
  }),
);

/** Conversations: what comes before the first turn, and turns of steps. */
export const conversations: fc.Arbitrary<readonly Line[]> = fc
  .tuple(fc.array(step, { maxLength: 2 }), turns, fc.boolean(), marks)
  .map(([greeting, rest, hasSystem, marksOfLines]) => {
    const lines: Omit<Line, "pinned" | "tokenCount">[] = [];
    const add = (role: Role, place: Pick<Line, "turn" | "step">, parts: readonly Part[] = []) =>
      lines.push({ role, parts, ...place });
    let steps = 0;
    const addStep = (turn: number, shape: StepShape) => {
      const place = { turn, step: ++steps };
      const ids = Array.from({ length: shape.calls }, (_, index) => `${steps}-${index}`);
      add("assistant", place, ids.map(toCall));
      if (shape.disturbed) add("system", { turn, step: undefined });
      const results = ids.slice(0, shape.answers).map(toResult);
      const messages = shape.together ? [results] : results.map((result) => [result]);
      for (const parts of messages) if (parts.length > 0) add("tool", place, parts);
    };
    if (hasSystem) add("system", { turn: 0, step: undefined });
    for (const shape of greeting) addStep(0, shape);
    for (const [index, shapes] of rest.entries()) {
      add("user", { turn: index + 1, step: undefined });
      for (const shape of shapes) addStep(index + 1, shape);
    }
    return lines.map((line) => ({ ...line, ...marksOfLines.next().value }));
  });

function toCall(id: string): Part {
  return { type: "tool_call", id, name: "n", argumentsJson: "" };
}

function toResult(callId: string): Part {
  return { type: "tool_result", callId, text: "", isError: false };
}
