import fc from "fast-check";
import { expect, it } from "vitest";
import { readContext } from "../../../../server/src/domain/context/context.js";
import type { ContextLimits } from "../../../../server/src/domain/context/room.js";
import { StateError } from "../../../../server/src/domain/errors.js";
import type { Storage } from "../../../../server/src/domain/storage.js";
import { appendOf, createSession, newMessage } from "../../../storage/contract/samples.js";
import { openForTest } from "../../../storage/contract/storage-suite.js";
import { conversations, type Line } from "./conversation.js";

const limit = (max: number) => fc.option(fc.integer({ min: 1, max }), { nil: undefined });

const limits: fc.Arbitrary<ContextLimits> = fc.record({
  maxTurns: limit(8),
  maxMessages: limit(60),
  maxTokens: limit(250),
  answerInterruptedCalls: fc.constant(false),
});

/** Appends a conversation, and gives the indexes of the lines that its context has. */
async function readLines(storage: Storage, lines: readonly Line[], given: ContextLimits) {
  const ref = await createSession(storage);
  const messages = lines.map(({ role, parts, pinned, tokenCount }) =>
    newMessage({ role, parts, pinned, tokenCount, content: "" }),
  );
  if (messages.length > 0) await storage.messages.append(ref, appendOf(...messages));
  const context = await readContext(storage, ref, given);
  const indexes = context.messages.map((message) => ("id" in message ? message.sequence - 1 : -1));
  return { context, indexes };
}

/** Reads the context of a conversation; undefined where what it must keep does not fit. */
async function readFitting(storage: Storage, lines: readonly Line[], given: ContextLimits) {
  try {
    return (await readLines(storage, lines, given)).context;
  } catch (error) {
    if (error instanceof StateError && error.reason === "CONTEXT_TOO_LARGE") return undefined;
    throw error;
  }
}

/** The lines that every context has: system, pinned with what they need, and the newest user message. */
function keptOf(lines: readonly Line[]): ReadonlySet<number> {
  const lastTurn = lines.at(-1)?.turn ?? 0;
  const isIn = (line: Line, index: number) => {
    if (line.role === "system") return true;
    if (line.turn === 0 && lastTurn > 0) return false;
    if (line.role === "user" && line.turn === lastTurn) return true;
    return lines.some(
      (other, at) =>
        other.pinned &&
        other.role !== "system" &&
        other.turn === line.turn &&
        (at === index ||
          (line.step !== undefined && other.step === line.step) ||
          (line.role === "user" && other.step !== undefined)),
    );
  };
  return new Set(lines.flatMap((line, index) => (isIn(line, index) ? [index] : [])));
}

function isWithin(lines: readonly Line[], indexes: Iterable<number>, given: ContextLimits) {
  const { maxMessages = Infinity, maxTokens = Infinity } = given;
  const chosen = [...new Set(indexes)].map((index) => lines[index]?.tokenCount ?? 0);
  const tokens = chosen.reduce((sum, tokenCount) => sum + tokenCount, 0);
  return chosen.length <= maxMessages && tokens <= maxTokens;
}

/** Gives the indexes that a context must have, by trying one more turn or step after the other. */
function expectedLines(lines: readonly Line[], given: ContextLimits): readonly number[] {
  const chosen = new Set(keptOf(lines));
  const lastTurn = lines.at(-1)?.turn ?? 0;
  const of = (isIn: (line: Line) => boolean) =>
    lines.flatMap((line, index) => (isIn(line) ? [index] : []));
  const groups: (readonly number[])[] = [];
  const steps = new Set(of(({ turn }) => turn === lastTurn).map((index) => lines[index]?.step));
  for (const step of [...steps].reverse()) {
    if (step !== undefined) groups.push(of((line) => line.step === step));
  }
  const oldest = Math.max(lastTurn - (given.maxTurns ?? Infinity) + 1, 1);
  for (let turn = lastTurn - 1; turn >= oldest; turn--)
    groups.push(of((line) => line.turn === turn));
  for (const group of groups) {
    if (!isWithin(lines, [...chosen, ...group], given)) break;
    for (const index of group) chosen.add(index);
  }
  return [...chosen].sort((one, other) => one - other);
}

it("has what it must keep, and as many of the newest turns or steps as fit", async () => {
  const storage = await openForTest("memory:");

  await fc.assert(
    fc.asyncProperty(conversations, limits, async (lines, given) => {
      if (!isWithin(lines, keptOf(lines), given)) {
        const reason = "CONTEXT_TOO_LARGE";
        await expect(readLines(storage, lines, given)).rejects.toMatchObject({ reason });
        return;
      }
      const { context, indexes } = await readLines(storage, lines, given);

      expect(indexes.toSorted((one, other) => one - other)).toEqual(expectedLines(lines, given));
      const tokens = indexes.reduce((sum, index) => sum + (lines[index]?.tokenCount ?? 0), 0);
      expect(context.tokenCount).toBe(tokens);
    }),
    { numRuns: 300 },
  );
});

/** Gives the indexes in the order of a context: what came between the lines of a step behind it. */
function inOrder(lines: readonly Line[], indexes: readonly number[]): readonly number[] {
  const startOf = (index: number) => {
    const step = lines[index]?.step;
    return step === undefined ? index : lines.findIndex((line) => line.step === step);
  };
  return [...new Set(indexes)].sort((a, b) => startOf(a) - startOf(b) || a - b);
}

it("begins with a user message, and has every result right behind its call", async () => {
  const storage = await openForTest("memory:");

  await fc.assert(
    fc.asyncProperty(conversations, limits, async (lines, given) => {
      fc.pre(isWithin(lines, keptOf(lines), given));
      const { indexes } = await readLines(storage, lines, given);
      const chosen = indexes.flatMap((index) => lines[index] ?? []);

      expect(indexes).toEqual(inOrder(lines, indexes));
      const first = chosen.find(({ role }) => role !== "system");
      if (lines.some(({ role }) => role === "user")) expect(first?.role).toBe("user");
      for (const { step } of chosen) {
        const whole = lines.filter((line) => line.step === step);
        const given = chosen.filter((line) => line.step === step);
        if (step !== undefined) expect(given).toEqual(whole);
      }
    }),
    { numRuns: 100 },
  );
});

it("is limited with the answers to interrupted calls", async () => {
  const storage = await openForTest("memory:");

  await fc.assert(
    fc.asyncProperty(conversations, limits, async (lines, given) => {
      const answering = { ...given, answerInterruptedCalls: true };
      const context = await readFitting(storage, lines, answering);
      fc.pre(context !== undefined);
      const { messages } = context;

      expect(messages.length).toBeLessThanOrEqual(given.maxMessages ?? Infinity);
      expect(context.tokenCount).toBeLessThanOrEqual(given.maxTokens ?? Infinity);
      const idsOf = (type: "tool_call" | "tool_result") =>
        messages.flatMap(({ parts }) =>
          parts.flatMap((part) => {
            if (part.type !== type) return [];
            return part.type === "tool_call" ? [part.id] : [part.callId];
          }),
        );
      expect([...idsOf("tool_result")].sort()).toEqual([...idsOf("tool_call")].sort());
    }),
    { numRuns: 100 },
  );
});
