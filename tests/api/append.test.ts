import { randomUUID } from "node:crypto";
import { MessageService, type Session } from "@mofa-state/client";
import { Role } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { expect, it } from "vitest";
import { describeDatabases } from "../support/databases.js";
import { badFields, expectRefusal } from "./refusal.js";
import { shareServer } from "./shared-server.js";

/** A change of a session, named for what it does. */
type Change = readonly [name: string, change: (session: Session) => Promise<unknown>];

const CHANGES: readonly Change[] = [
  [
    "a batch appended with states",
    (session) =>
      session.append([{ role: "user" }, { role: "user" }], { agentStates: [{ state: 1 }] }),
  ],
  ["a title", (session) => session.update({ title: "t" })],
  ["a state put", (session) => session.state.put({ step: 1 })],
  ["a state deleted", (session) => session.state.delete()],
  [
    "a message edited",
    async (session) => {
      const { messages } = await session.listMessagesPage();
      await session.updateMessage(messages[0]?.id ?? "", { content: "edited" });
    },
  ],
  [
    "a message deleted",
    async (session) => {
      const { messages } = await session.listMessagesPage();
      await session.deleteMessage(messages[0]?.id ?? "");
    },
  ],
  ["all messages cleared", (session) => session.clear()],
];

describeDatabases("an append", (database) => {
  const server = shareServer(database);

  it.each([Role.UNSPECIFIED, 5, -1])("refuses the role %i, and stores nothing", async (role) => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const { appendMessages } = state.lowLevel(MessageService);

    await expectRefusal(
      session,
      () => appendMessages({ sessionId: session.id, messages: [{ role, content: "x" }] }),
      badFields("messages[0].role"),
    );
  });

  it("stores nothing of a batch whose third message is bad", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const batch = ["a", "b", "\0"].map((content) => ({ role: "user", content }) as const);

    await expectRefusal(
      session,
      () => session.append(batch, { agentStates: [{ state: { step: 1 } }] }),
      badFields("messages[2].content"),
    );
    expect((await session.listMessagesPage()).messages).toEqual([]);
    expect((await session.state.listPage()).agentStates).toEqual([]);
  });

  it("stores nothing where one of its states is not at the expected version", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    await session.state.put(1, { key: "b" });

    const agentStates = [
      { key: "a", state: 1 },
      { key: "b", state: 2, expectedVersion: 0 },
    ];
    await expectRefusal(session, () => session.append({ role: "user" }, { agentStates }), {
      code: "aborted",
      reason: "VERSION_CONFLICT",
      metadata: { expected: "0", actual: "1" },
    });
    expect((await session.listMessagesPage()).messages).toEqual([]);
    expect((await session.state.listPage()).agentStates).toHaveLength(1);
  });

  it("stores messages and states in one revision", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();

    const appended = await session.append([{ role: "user" }, { role: "assistant" }], {
      agentStates: [
        { key: "a", state: { n: 1 } },
        { key: "b", state: new Uint8Array([1]) },
      ],
    });

    expect(appended).toMatchObject({
      messages: [
        { sequence: 1, revision: 2 },
        { sequence: 2, revision: 2 },
      ],
      agentStates: [
        { key: "a", version: 1, revision: 2, state: { n: 1 } },
        { key: "b", version: 1, revision: 2, state: new Uint8Array([1]) },
      ],
      headSequence: 2,
      revision: 2,
    });
    expect((await session.listMessagesPage()).messages).toEqual(appended.messages);
    expect(await session.state.get({ key: "b" })).toEqual(appended.agentStates[1]);
  });

  it("to a session that does not exist is not found", async () => {
    const state = await server.connect();
    const { appendMessages } = state.lowLevel(MessageService);

    const append = appendMessages({ sessionId: randomUUID(), messages: [{ role: Role.USER }] });

    await expect(append).rejects.toMatchObject({ code: "not_found", reason: "SESSION_NOT_FOUND" });
  });

  it("to a deleted session is not found, and says that it was deleted", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    await session.delete();

    const append = session.append({ role: "user" });

    await expect(append).rejects.toMatchObject({ code: "not_found", reason: "SESSION_DELETED" });
  });

  it("succeeds at the head that it expects, and only there", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();

    await session.append({ role: "user" }, { expectedHeadSequence: 0 });
    await session.append([{ role: "user" }, { role: "user" }], { expectedHeadSequence: 1 });

    for (const expected of [0, 2, 4]) {
      await expectRefusal(
        session,
        () => session.append({ role: "user" }, { expectedHeadSequence: expected }),
        {
          code: "aborted",
          reason: "SEQUENCE_CONFLICT",
          metadata: { expected: `${expected}`, actual: "3" },
        },
      );
    }
  });

  it("goes on after the head where messages were deleted and cleared", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const { messages } = await session.append([1, 2, 3].map(() => ({ role: "user" }) as const));
    await session.deleteMessage(messages[2]?.id ?? "");
    await session.clear();
    expect(await session.refresh()).toMatchObject({ headSequence: 3, messageCount: 0 });

    const next = await session.append({ role: "user" }, { expectedHeadSequence: 3 });

    expect(next).toMatchObject({ headSequence: 4, messages: [{ sequence: 4 }] });
    expect(await session.refresh()).toMatchObject({ headSequence: 4, messageCount: 1 });
  });

  it("is one of the changes that each raise the revision by one", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();

    for (const [name, change] of CHANGES) {
      const { revision } = await session.refresh();
      await change(session);

      expect((await session.refresh()).revision, name).toBe(revision + 1);
    }
  });

  it("ignores the output fields that a client sends", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const { appendMessages } = state.lowLevel(MessageService);

    const message = {
      role: Role.USER,
      sessionId: "none",
      sequence: 77n,
      version: 77n,
      revision: 77n,
      status: 2,
    };
    await appendMessages({ sessionId: session.id, messages: [message] });

    const { messages } = await session.listMessagesPage();
    expect(messages).toMatchObject([
      { sessionId: session.id, sequence: 1, version: 1, revision: 2, status: "complete" },
    ]);
  });
});
