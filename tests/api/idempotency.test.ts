import { randomUUID } from "node:crypto";
import { expect, it } from "vitest";
import { describeDatabases } from "../support/databases.js";
import { expectRefusal } from "./refusal.js";
import { shareServer } from "./shared-server.js";

const ID_REUSED = { code: "already_exists", reason: "ID_REUSED" } as const;
const MESSAGE_DELETED = { code: "already_exists", reason: "MESSAGE_DELETED" } as const;

/** Messages with ids of their own. */
function newMessages(...contents: string[]) {
  return contents.map((content) => ({ id: randomUUID(), role: "user", content }) as const);
}

describeDatabases("a repeated call", (database) => {
  const server = shareServer(database);

  it("appends once, and answers with the first sequence and times", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const batch = newMessages("a", "b");
    const agentStates = [{ id: randomUUID(), state: { step: 1 } }];
    const first = await session.append(batch, { agentStates });
    const before = await session.refresh();

    const second = await session.append(batch, { agentStates });

    expect(second).toEqual(first);
    expect(await session.refresh()).toEqual(before);
    expect((await session.listMessagesPage()).messages).toEqual(first.messages);
    expect((await session.state.listPage()).agentStates).toEqual(first.agentStates);
  });

  it("appends once where the expected head and version have moved since", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const batch = newMessages("a");
    const agentStates = [{ id: randomUUID(), state: 1, expectedVersion: 0 }];
    const options = { agentStates, expectedHeadSequence: 0 };
    const first = await session.append(batch, options);
    await session.append({ role: "user" });
    await session.state.put(2);
    const before = await session.refresh();

    const second = await session.append(batch, options);

    expect(second).toMatchObject({ headSequence: 2, revision: before.revision });
    expect(second.messages).toEqual(first.messages);
    expect(second.agentStates).toEqual(first.agentStates);
    expect(await session.refresh()).toEqual(before);
  });

  it("appends once where the message was edited since, and keeps the edit", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const batch = newMessages("a");
    const first = await session.append(batch);
    const edited = await session.updateMessage(first.messages[0]?.id ?? "", { content: "edited" });
    const before = await session.refresh();

    const second = await session.append(batch);

    expect(second.messages).toEqual([edited]);
    expect(await session.refresh()).toEqual(before);
  });

  it("does not take an edit for what was first sent", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const [message] = newMessages("a");
    await session.append({ role: "user", ...message });
    await session.updateMessage(message?.id ?? "", { content: "edited" });

    const other = { role: "user", ...message, content: "edited" } as const;
    await expectRefusal(session, () => session.append(other), ID_REUSED);
  });

  it("does not bring back a message that was deleted or cleared", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const [deleted, cleared] = [newMessages("a"), newMessages("b")];
    await session.append(deleted);
    await session.append(cleared);
    await session.deleteMessage(deleted[0]?.id ?? "");
    await session.clear();

    for (const batch of [deleted, cleared, [...newMessages("new"), ...cleared]]) {
      await expectRefusal(session, () => session.append(batch), MESSAGE_DELETED);
    }
    expect((await session.listMessagesPage()).messages).toEqual([]);
  });

  it("is another call where only some of the ids are known", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const known = newMessages("a");
    const agentStates = [{ id: randomUUID(), state: 1 }];
    await session.append(known, { agentStates });

    const others = [
      () => session.append([...known, ...newMessages("b")]),
      () => session.append([...newMessages("b"), ...known]),
      () => session.append(known, { agentStates: [{ id: randomUUID(), state: 1 }] }),
      () => session.append(newMessages("b"), { agentStates }),
    ];

    for (const other of others) await expectRefusal(session, other, ID_REUSED);
  });

  it.each([
    { content: "b" },
    { content: "a " },
    { content: "A" },
    { role: "assistant" },
    { metadata: { x: "1" } },
    { pinned: true },
    { tokenCount: 0 },
    { raw: { data: new Uint8Array(), mediaType: "x/y" } },
    { parts: [{ type: "reasoning", text: "" }] },
  ] as const)("is another call where it differs by %j", async (difference) => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const message = { id: randomUUID(), role: "user", content: "a", metadata: { x: 1 } } as const;
    await session.append(message);

    await expectRefusal(session, () => session.append({ ...message, ...difference }), ID_REUSED);
  });

  it("is the same call where only the case of its id and the order of JSON keys differ", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const id = randomUUID();
    const call = { type: "tool_call", id: "c", name: "n" } as const;
    const first = await session.append({
      id,
      role: "assistant",
      metadata: { a: 1, b: { c: 2, d: 3 } },
      parts: [{ ...call, arguments: { x: 1, y: 2 } }],
    });

    const second = await session.append({
      id: id.toUpperCase(),
      role: "assistant",
      metadata: { b: { d: 3, c: 2 }, a: 1 },
      parts: [{ ...call, arguments: { y: 2, x: 1 } }],
    });

    expect(second).toEqual(first);
  });

  it("has ids of its own in each session", async () => {
    const state = await server.connect();
    const [one, two] = [await state.sessions.create(), await state.sessions.create()];
    const batch = newMessages("a");
    await one.append(batch);

    const appended = await two.append(batch);

    expect(appended.messages[0]?.sessionId).toBe(two.id);
    expect((await one.listMessagesPage()).messages).toHaveLength(1);
  });

  it("appends once where its copies arrive at the same time", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const batch = newMessages("a", "b", "c");

    const answers = await Promise.all(Array.from({ length: 8 }, () => session.append(batch)));

    expect(answers).toEqual(answers.map(() => answers[0]));
    expect(await session.refresh()).toMatchObject({
      headSequence: 3,
      messageCount: 3,
      revision: 2,
    });
  });

  it("creates a session once, and answers with it as it is now", async () => {
    const state = await server.connect();
    const fields = { id: randomUUID(), key: "k", title: "a", metadata: { x: 1, y: 2 } };
    const first = await state.sessions.create(fields);

    const second = await state.sessions.create({ ...fields, metadata: { y: 2, x: 1 } });
    const updated = await first.update({ title: "b" });
    const third = await state.sessions.create(fields);

    expect(second.info).toMatchObject({ ...fields, revision: 1 });
    expect(third.info).toEqual(updated);
    expect((await state.sessions.listPage()).sessions).toHaveLength(1);
  });

  it("refuses to create a session anew with other fields, and keeps the first", async () => {
    const state = await server.connect();
    const fields = { id: randomUUID(), key: "k", title: "a", metadata: { x: 1 } };
    const first = await state.sessions.create(fields);

    const others = [
      { title: "A" },
      { key: "other" },
      { key: undefined },
      { userId: randomUUID() },
      { agentId: randomUUID() },
      { metadata: { x: true } },
      { metadata: {} },
    ];

    for (const other of others) {
      const creation = () => state.sessions.create({ ...fields, ...other });
      await expectRefusal(first, creation, ID_REUSED);
    }
  });

  it("puts a state once, also where the expected version has moved since", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const options = { id: randomUUID(), key: "k", expectedVersion: 0 };
    const first = await session.state.put({ a: 1, b: 2 }, options);
    await session.state.put({ later: true }, { key: "k" });
    const before = await session.refresh();

    const second = await session.state.put({ b: 2, a: 1 }, options);

    expect(second).toEqual(first);
    expect(await session.refresh()).toEqual(before);
    const { id } = options;
    await expectRefusal(session, () => session.state.put({ a: 1 }, options), ID_REUSED);
    await expectRefusal(session, () => session.state.put({ a: 1, b: 2 }, { id }), ID_REUSED);
  });

  it("does not bring back a state that was deleted", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const id = randomUUID();
    await session.state.put(1, { id });
    await session.state.delete();

    await expectRefusal(session, () => session.state.put(1, { id }), {
      code: "already_exists",
      reason: "STATE_DELETED",
    });
  });
});
