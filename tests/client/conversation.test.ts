import { Conversation, type Message, type SessionEvent } from "@mofa-state/client";
import { describe, expect, it } from "vitest";

type Happening<E = SessionEvent> = E extends SessionEvent ? Omit<E, "resumeToken"> : never;

function message(sequence: number, fields: Partial<Message> = {}): Message {
  return {
    id: `m${sequence}`,
    sessionId: "s",
    sequence,
    role: "user",
    content: "",
    parts: [],
    metadata: {},
    raw: undefined,
    pinned: false,
    status: "complete",
    tokenCount: undefined,
    createdAt: new Date(0),
    updatedAt: new Date(0),
    version: 1,
    revision: sequence,
    ...fields,
  };
}

function applied(before: readonly Message[], ...happenings: Happening[]): readonly Message[] {
  const conversation = new Conversation(before);
  for (const happening of happenings) conversation.apply({ ...happening, resumeToken: undefined });
  return conversation.messages;
}

function text(offset: number, added: string, sequence = 1): Happening {
  return { type: "text_delta", messageId: `m${sequence}`, sequence, offset, text: added };
}

describe("a conversation", () => {
  it("has the messages that came, and the changes of them", () => {
    const messages = applied(
      [message(1), message(2)],
      { type: "message", message: message(3) },
      { type: "message_updated", revision: 4, message: message(2, { content: "edited" }) },
      { type: "message_deleted", revision: 5, messageId: "m1", sequence: 1 },
    );

    expect(messages).toEqual([message(2, { content: "edited" }), message(3)]);
  });

  it("loses what is cleared, and keeps what came later", () => {
    const before = [1, 2, 3, 4].map((sequence) => message(sequence));

    const messages = applied(before, {
      type: "messages_cleared",
      revision: 9,
      afterSequence: 1,
      throughSequence: 3,
    });

    expect(messages).toEqual([message(1), message(4)]);
  });

  it("loses everything with its session", () => {
    expect(applied([message(1)], { type: "session_deleted", revision: 2 })).toEqual([]);
  });

  it("adds text by its offset in bytes, in place of what came after it", () => {
    const [joined] = applied([message(1, { content: "é" })], text(2, "😀"), text(6, "b"));
    const [replaced] = applied([message(1, { content: "é" })], text(2, "😀"), text(2, "c"));
    const [again] = applied([message(1)], text(0, "a"), text(1, "b"), text(1, "bc"), text(3, "d"));

    expect(joined?.content).toBe("é😀b");
    expect(replaced?.content).toBe("éc");
    expect(again?.content).toBe("abcd");
  });

  it("goes on at what a message says that replaced one", () => {
    const update = { type: "message_updated", revision: 3 } as const;
    const [updated] = applied(
      [message(1)],
      text(0, "taken back"),
      { ...update, message: message(1, { content: "what is kept" }) },
      text(10, "!"),
    );

    expect(updated?.content).toBe("what is ke!");
  });

  it("adds parts by their index", () => {
    const part = (partIndex: number, added: string): Happening => {
      const value = { type: "reasoning", text: added } as const;
      return { type: "part_delta", messageId: "m1", sequence: 1, partIndex, part: value };
    };

    const [changed] = applied([message(1)], part(0, "a"), part(1, "b"), part(1, "c"));

    expect(changed?.parts).toEqual([
      { type: "reasoning", text: "a" },
      { type: "reasoning", text: "c" },
    ]);
  });

  it("passes over changes of messages that it has not", () => {
    const messages = applied(
      [message(5)],
      { type: "message_updated", revision: 6, message: message(1) },
      { type: "message_deleted", revision: 7, messageId: "m2", sequence: 2 },
      text(0, "x", 3),
      { type: "state_deleted", revision: 8, key: "", version: 1 },
    );

    expect(messages).toEqual([message(5)]);
  });

  it("replaces a message that changes, and keeps the others as they are", () => {
    const before = [message(1), message(2)];

    const [first, second] = applied(before, text(0, "x", 2));

    expect(first).toBe(before[0]);
    expect(second).not.toBe(before[1]);
    expect(before[1]?.content).toBe("");
  });
});
