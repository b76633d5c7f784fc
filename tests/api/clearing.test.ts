import type { Message, NewMessage, Session } from "@mofa-state/client";
import { expect, it } from "vitest";
import { collect } from "../support/collect.js";
import { describeDatabases } from "../support/databases.js";
import { startTestState } from "../support/test-server.js";

/** Messages with the contents 1, 2, 3 … */
function numbered(count: number): NewMessage[] {
  return Array.from({ length: count }, (_, index) => ({ role: "user", content: `${index + 1}` }));
}

/** What a session's list and its stream both give, by sequence. */
async function sequencesOf(session: Session): Promise<readonly number[]> {
  const listed = (await collect(session.listMessages())).map(({ sequence }) => sequence);
  const streamed = (await collect(session.messages())).map(({ sequence }) => sequence);
  expect(streamed).toEqual(listed);
  return listed;
}

function at(messages: readonly Message[], index: number): Message {
  const message = messages[index];
  if (message === undefined) throw new Error(`there is no message at ${index}`);
  return message;
}

describeDatabases("deleting messages", (database) => {
  it("takes one out of the middle and leaves the others where they are", async () => {
    const state = await startTestState(database);
    const session = await state.sessions.create();
    const { messages } = await session.append(numbered(5));

    await session.deleteMessage(at(messages, 2).id);

    expect(await sequencesOf(session)).toEqual([1, 2, 4, 5]);
    const { headSequence, messageCount, revision } = await session.refresh();
    expect({ headSequence, messageCount, revision }).toEqual({
      headSequence: 5,
      messageCount: 4,
      revision: 3,
    });
    const { messages: next } = await session.append({ role: "user", content: "6" });
    expect(at(next, 0).sequence).toBe(6);
  });

  it("makes a message unreadable, and its id unusable", async () => {
    const state = await startTestState(database);
    const session = await state.sessions.create();
    const { messages } = await session.append({ role: "user", content: "Hello" });
    const { id } = at(messages, 0);

    await session.deleteMessage(id);

    const gone = { code: "not_found", reason: "MESSAGE_DELETED" };
    await expect(session.getMessage(id)).rejects.toMatchObject(gone);
    await expect(session.updateMessage(id, { content: "x" })).rejects.toMatchObject(gone);
    await expect(session.deleteMessage(id)).rejects.toMatchObject(gone);
    await expect(session.append({ id, role: "user", content: "Hello" })).rejects.toMatchObject({
      code: "already_exists",
      reason: "MESSAGE_DELETED",
    });
    expect(await sequencesOf(session)).toEqual([]);
  });

  it("answers a clear with the number of messages that were there", async () => {
    const state = await startTestState(database);
    const session = await state.sessions.create();
    const { messages } = await session.append(numbered(10));
    await session.deleteMessage(at(messages, 8).id);

    expect(await session.clear({ after: 7 })).toBe(2);
    expect(await sequencesOf(session)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(await session.clear()).toBe(7);
    expect(await sequencesOf(session)).toEqual([]);
    expect((await session.refresh()).messageCount).toBe(0);
  });

  it("clears in one revision, and in none where there is nothing to clear", async () => {
    const state = await startTestState(database);
    const session = await state.sessions.create();
    await session.append(numbered(10));

    await session.clear();
    const cleared = await session.refresh();
    const count = await session.clear();

    expect(cleared.revision).toBe(3);
    expect(cleared.headSequence).toBe(10);
    expect(count).toBe(0);
    expect(await session.refresh()).toEqual(cleared);
  });

  it("lets a conversation go on after its cleared end", async () => {
    const state = await startTestState(database);
    const session = await state.sessions.create();
    const { messages } = await session.append(numbered(4));
    await session.clear({ after: 3 });

    const { messages: next, headSequence } = await session.append(
      { role: "assistant", content: "another answer" },
      { expectedHeadSequence: 4 },
    );

    expect(at(next, 0).sequence).toBe(5);
    expect(headSequence).toBe(5);
    expect(await sequencesOf(session)).toEqual([1, 2, 3, 5]);
    const { id, content } = at(messages, 3);
    await expect(session.append({ id, role: "user", content })).rejects.toMatchObject({
      reason: "MESSAGE_DELETED",
    });
  });
});
