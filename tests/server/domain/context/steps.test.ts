import { describe, expect, it } from "vitest";
import { toUnits } from "../../../../server/src/domain/context/steps.js";
import type { Message, Part, Role } from "../../../../server/src/domain/model.js";
import { newMessage } from "../../../storage/contract/samples.js";

function stored(sequence: number, role: Role, given: Partial<Message> = {}): Message {
  const time = new Date(0);
  const place = { sessionId: "s", sequence, version: 1, revision: 1 };
  const { requestHash: _, ...message } = newMessage({ role });
  return { ...message, ...place, status: "complete", createdAt: time, updatedAt: time, ...given };
}

function calling(sequence: number, ...ids: string[]): Message {
  const parts = ids.map((id): Part => ({ type: "tool_call", id, name: "n", argumentsJson: "" }));
  return stored(sequence, "assistant", { parts });
}

function answering(sequence: number, ...callIds: string[]): Message {
  const parts = callIds.map((callId): Part => {
    return { type: "tool_result", callId, text: "", isError: false };
  });
  return stored(sequence, "tool", { parts });
}

/** The sequences of each unit, and the calls that it lacks answers to. */
function grouped(...messages: readonly Message[]): readonly unknown[] {
  return toUnits(messages).map(({ kind, messages: given, unansweredCalls }) => {
    const sequences = given.map(({ sequence }) => sequence);
    return unansweredCalls.length > 0 ? [kind, sequences, unansweredCalls] : [kind, sequences];
  });
}

describe("the units of a conversation", () => {
  it("are user messages, and assistant messages with their results", () => {
    expect(
      grouped(
        stored(1, "system"),
        stored(2, "user"),
        calling(3, "a", "b"),
        answering(4, "b"),
        answering(5, "a"),
        stored(6, "assistant"),
      ),
    ).toEqual([
      ["user", [2]],
      ["step", [3, 4, 5]],
      ["step", [6]],
    ]);
  });

  it("have a result in the step of its call, whatever lies between", () => {
    expect(grouped(calling(1, "a"), calling(2, "b"), stored(3, "user"), answering(4, "a"))).toEqual(
      [
        ["step", [1, 4]],
        ["step", [2], ["b"]],
        ["user", [3]],
      ],
    );
  });

  it("have a result with the newest call of its id", () => {
    expect(grouped(calling(1, "a"), calling(2, "a"), answering(3, "a"))).toEqual([
      ["step", [1], ["a"]],
      ["step", [2, 3]],
    ]);
  });

  it("have the first of two results", () => {
    expect(grouped(calling(1, "a"), answering(2, "a"), answering(3, "a"))).toEqual([
      ["step", [1, 2]],
    ]);
  });

  it("are one step where one message answers two", () => {
    expect(
      grouped(calling(1, "a", "c"), calling(2, "b"), answering(3, "b", "a"), answering(4, "c")),
    ).toEqual([["step", [1, 2, 3, 4]]]);
  });

  it("have a result up to 1,000 sequences behind its call", () => {
    expect(grouped(calling(1, "a"), answering(1_001, "a"))).toEqual([["step", [1, 1_001]]]);
    expect(grouped(calling(1, "a"), answering(1_002, "a"))).toEqual([["step", [1], ["a"]]]);
  });

  it("are without what is being written, and what was cut off before it had anything", () => {
    const streaming = { ...calling(2, "a"), status: "streaming" } as const;
    const empty = stored(4, "assistant", { status: "interrupted", content: "" });
    const partial = stored(5, "assistant", { status: "interrupted", content: "half" });

    expect(grouped(stored(1, "user"), streaming, answering(3, "a"), empty, partial)).toEqual([
      ["user", [1]],
      ["step", [5]],
    ]);
  });
});
