import { randomUUID } from "node:crypto";
import { type ContextOptions, MessageService } from "@mofa-state/client";
import { expect, it } from "vitest";
import { collect } from "../support/collect.js";
import { describeDatabases } from "../support/databases.js";
import { call, namesOf, play, result } from "./conversations.js";
import { badFields } from "./refusal.js";
import { shareServer } from "./shared-server.js";

const SEVEN = "sys u1 a1 u2 a2 u3 a3";

describeDatabases("what a context has", (database) => {
  const server = shareServer(database, { writeCheckpointMs: 20 });

  async function converse(conversation: string) {
    const state = await server.connect();
    const session = await state.sessions.create();
    await play(session, conversation);
    return session;
  }

  it("gives the messages as they are stored, and leaves the session as it was", async () => {
    const session = await converse(SEVEN);
    const stored = await collect(session.listMessages());
    const before = await session.refresh();

    const { messages, headSequence, isTruncated } = await session.context({ maxTurns: 2 });

    expect(messages).toEqual(stored.filter(({ sequence }) => sequence === 1 || sequence > 3));
    expect({ headSequence, isTruncated }).toEqual({ headSequence: 7, isTruncated: true });
    expect(await session.refresh()).toEqual(before);
    expect(await collect(session.listMessages())).toEqual(stored);
  });

  it("tells whether messages were left out before it", async () => {
    const session = await converse(SEVEN);
    const isTruncated = async (options: ContextOptions) =>
      (await session.context(options)).isTruncated;

    expect(await isTruncated({})).toBe(false);
    expect(await isTruncated({ maxTurns: 3 })).toBe(false);
    expect(await isTruncated({ maxTurns: 2 })).toBe(true);
    expect(await isTruncated({ maxMessages: 2 })).toBe(true);
    expect((await (await converse("u1! a1! u2 a2")).context({ maxTurns: 1 })).isTruncated).toBe(
      false,
    );
    expect((await (await converse("a0 u1 a1")).context()).isTruncated).toBe(true);
  });

  it("of a session without messages is empty", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();

    const empty = { messages: [], tokenCount: 0, headSequence: 0, isTruncated: false };
    expect(await session.context({ maxTurns: 1, maxMessages: 1, maxTokens: 1 })).toEqual(empty);
  });

  it("counts tokens as they were given, and estimates the others", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    await session.append([
      { role: "user", content: "Hello", tokenCount: 100 },
      { role: "assistant", content: "Äpfel" },
      { role: "user", content: "1234", tokenCount: 0 },
      {
        role: "assistant",
        content: "abc",
        parts: [
          { type: "tool_call", id: "long call id", name: "ab", arguments: { a: 1 } },
          { type: "reasoning", text: "hm", signature: "long signature" },
          { type: "file", uri: "http://a", mediaType: "image/png", name: "a.png" },
          { type: "file", data: new Uint8Array(50_000), mediaType: "image/png" },
          { type: "data", data: [1] },
        ],
      },
      { role: "tool", parts: [{ type: "tool_result", callId: "long call id", text: "found" }] },
    ]);
    const bytes = "abc".length + "ab".length + '{"a":1}'.length + "hm".length;
    const last = 4 + Math.ceil((bytes + "http://a".length + "[1]".length) / 4) + 1_000 + 6;

    const counted = async (maxTokens?: number) => {
      const { messages, tokenCount } = await session.context({ maxTokens });
      return [messages.length, tokenCount];
    };
    expect(await counted()).toEqual([5, 100 + 6 + 0 + last]);
    expect(await counted(106 + last)).toEqual([5, 106 + last]);
    expect(await counted(105 + last)).toEqual([3, last]);
    expect(await counted(last)).toEqual([3, last]);
    expect(await counted(last - 1)).toEqual([1, 0]);
  });

  it("counts the answers to interrupted calls, which are always the same", async () => {
    const session = await converse("u1 a1(x) u2");
    const answer = { answerInterruptedCalls: true };

    const first = await session.context(answer);
    const second = await session.context(answer);

    expect(second).toEqual(first);
    expect(first.messages[2]).toMatchObject({
      ...{ id: undefined, sequence: undefined, role: "tool", status: "complete" },
      ...{ sessionId: session.id, content: "", createdAt: undefined },
      parts: [{ type: "tool_result", callId: "x", isError: true, text: expect.any(String) }],
    });
    const { tokenCount } = await session.context();
    expect(first.tokenCount).toBeGreaterThan(tokenCount + 4);
    const tight = { ...answer, maxTokens: first.tokenCount - 1 };
    expect(namesOf((await session.context(tight)).messages)).toBe("u2");
    const fitting = { ...answer, maxTokens: first.tokenCount };
    expect(await session.context(fitting)).toEqual(first);
  });

  it("leaves out of a tool's message the results whose calls are left out", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    await session.append([
      { role: "user", content: "u1" },
      { role: "assistant", content: "a1", parts: [call("x")] },
      { role: "tool", content: "t", parts: [result("w"), result("x")] },
    ]);

    const { messages } = await session.context();

    expect(messages[2]?.parts).toMatchObject([{ callId: "x" }]);
  });

  it("leaves out what is being written, and what was cut off before it had anything", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    await play(session, "u1");
    const empty = session.write({ role: "assistant" });
    await empty.opened;
    await empty.interrupt();
    const partial = session.write({ role: "assistant" });
    await partial.write("half");
    await partial.interrupt();
    const calling = session.write({ role: "assistant" });
    await calling.write("calling");
    await calling.write(call("x"));
    await calling.opened;
    await play(session, "t(x) u2");

    const during = await session.context();
    await calling.finish();
    const after = await session.context({ maxTurns: 2 });

    expect(namesOf(during.messages)).toBe("u1 half u2");
    expect(namesOf(after.messages)).toBe("u1 half calling t(x) u2");
  });

  it("leaves out what was deleted, and the results of what was", async () => {
    const session = await converse("sys u1 a1(x) t(x) u2 a2 u3 a3");
    const stored = await collect(session.listMessages());
    const remove = (sequence: number) => session.deleteMessage(stored[sequence - 1]?.id ?? "");

    await remove(3);
    await remove(1);
    await remove(7);

    expect(namesOf((await session.context()).messages)).toBe("u1 u2 a2 a3");
    expect(namesOf((await session.context({ maxTurns: 1 })).messages)).toBe("u2 a2 a3");
  });

  it("is refused where what must be kept is more than the limits", async () => {
    const session = await converse("sys u1 a1! u2 a2");
    const tooLarge = (unit: string, required: string, limit: string) => ({
      ...{ code: "resource_exhausted", reason: "CONTEXT_TOO_LARGE" },
      metadata: { unit, required, limit },
    });

    await expect(session.context({ maxMessages: 3 })).rejects.toMatchObject(
      tooLarge("messages", "4", "3"),
    );
    await expect(session.context({ maxTokens: 19 })).rejects.toMatchObject(
      tooLarge("tokens", "20", "19"),
    );
    expect(namesOf((await session.context({ maxTokens: 20 })).messages)).toBe("sys u1 a1 u2");
  });

  it("is refused where it is more than an answer holds", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const large = { role: "user", content: "x".repeat(3 * 1024 * 1024) } as const;
    for (const message of [large, large, large]) await session.append(message);

    await expect(session.context()).rejects.toMatchObject({
      ...{ code: "resource_exhausted", reason: "CONTEXT_TOO_LARGE" },
      metadata: { unit: "bytes", limit: String(8 * 1024 * 1024) },
    });
    expect((await session.context({ maxTurns: 2 })).messages).toHaveLength(2);
  });

  it("is refused for limits that are none", async () => {
    const session = await converse("u1");
    const options = { maxTurns: 0, maxMessages: -1, maxTokens: 0 };
    const { getContext } = (await server.connect()).lowLevel(MessageService);

    await expect(session.context(options)).rejects.toMatchObject(
      badFields("max_turns", "max_messages", "max_tokens"),
    );
    await expect(getContext({ sessionId: "1" })).rejects.toMatchObject(badFields("session_id"));
    await expect(session.context({ maxTurns: 1.5 })).rejects.toMatchObject({
      code: "invalid_argument",
    });
  });

  it("of a session that is not there is not found", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    await session.delete();
    const { getContext } = state.lowLevel(MessageService);

    await expect(session.context()).rejects.toMatchObject({ reason: "SESSION_DELETED" });
    await expect(getContext({ sessionId: randomUUID() })).rejects.toMatchObject({
      reason: "SESSION_NOT_FOUND",
    });
  });
});
