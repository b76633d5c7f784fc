import { randomUUID } from "node:crypto";
import { MessageService, SessionService } from "@mofa-state/client";
import { Role } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { expect, it } from "vitest";
import { describeDatabases } from "../support/databases.js";
import { badFields, expectRefusal } from "./refusal.js";
import { shareServer } from "./shared-server.js";

const LONG = "x".repeat(256);

const BAD_UUIDS = [
  "1",
  " ",
  "00000000000000000000000000000000",
  `${randomUUID()} `,
  `urn:uuid:${randomUUID()}`,
  "0198f000-0000-7000-8000-00000000000g",
  "' OR 1=1 --",
];

describeDatabases("a bad field", (database) => {
  const server = shareServer(database);

  it("is any that should be a UUID and is none, in every call", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const messages = state.lowLevel(MessageService);
    const sessions = state.lowLevel(SessionService);
    const sessionId = session.id;
    const paths = ["title"];

    for (const id of [...BAD_UUIDS, ""]) {
      const calls = [
        [() => sessions.getSession({ session: { case: "sessionId", value: id } }), "session_id"],
        [() => sessions.updateSession({ session: { id }, updateMask: { paths } }), "session.id"],
        [() => sessions.deleteSession({ sessionId: id }), "session_id"],
        [() => sessions.forkSession({ sessionId: id }), "session_id"],
        [() => messages.appendMessages({ sessionId: id, messages: [{ role: 1 }] }), "session_id"],
        [() => messages.getMessage({ sessionId, messageId: id }), "message_id"],
        [() => messages.deleteMessage({ sessionId, messageId: id }), "message_id"],
        [() => messages.listMessages({ sessionId: id }), "session_id"],
        [() => messages.clearMessages({ sessionId: id }), "session_id"],
        [() => messages.streamMessages({ sessionId: id }).next(), "session_id"],
      ] as const;
      for (const [call, field] of calls) await expectRefusal(session, call, badFields(field));
    }
    for (const id of BAD_UUIDS) {
      const calls = [
        [() => state.sessions.create({ id }), "session.id"],
        [() => state.sessions.open({ key: "k", userId: id }), "session.user_id"],
        [() => state.sessions.create({ agentId: id }), "session.agent_id"],
        [() => session.fork({ id }), "session.id"],
        [() => session.fork({ userId: id }), "session.user_id"],
        [() => state.sessions.listPage({ forkSessionId: id }), "fork_session_id"],
        [() => state.sessions.listPage({ userId: id }), "user_id"],
        [() => state.sessions.listPage({ agentId: id }), "agent_id"],
        [() => session.state.put(1, { id }), "id"],
      ] as const;
      for (const [call, field] of calls) await expectRefusal(session, call, badFields(field));
    }
    expect((await state.sessions.listPage()).sessions).toEqual([session.info]);
  });

  it("is text of a session that is too long, or holds U+0000", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const tooLong = `${"é".repeat(127)}xx`;

    const calls = [
      [() => state.sessions.create({ key: tooLong }), "session.key"],
      [() => state.sessions.open({ key: "a\0" }), "session.key"],
      [() => state.sessions.get({ key: "a\0" }), "key"],
      [() => state.sessions.get({ key: "" }), "key"],
      [() => session.fork({ key: "a\0" }), "session.key"],
      [() => session.fork({ title: "x".repeat(1_025) }), "session.title"],
      [() => state.sessions.create({ title: "x".repeat(1_025) }), "session.title"],
      [() => session.update({ title: "\0" }), "session.title"],
      [() => session.state.put(1, { key: tooLong }), "key"],
      [() => session.state.get({ key: "\0" }), "key"],
      [() => session.state.put(new Uint8Array(), { mediaType: LONG }), "media_type"],
      [() => session.state.put(1, { mediaType: "text/plain" }), "media_type"],
      [() => state.lowLevel(SessionService).openSession({}), "session"],
    ] as const;

    for (const [call, field] of calls) await expectRefusal(session, call, badFields(field));
    expect((await state.sessions.listPage()).sessions).toEqual([session.info]);
  });

  it("is a number that is negative, or beyond what a double holds", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const { appendMessages, clearMessages, streamMessages } = state.lowLevel(MessageService);
    const sessionId = session.id;
    const messages = [{ role: Role.USER }];
    const start = { case: "lastMessages", value: -1 } as const;

    const calls = [
      [
        () => appendMessages({ sessionId, messages, expectedHeadSequence: -1n }),
        "expected_head_sequence",
      ],
      [
        () => appendMessages({ sessionId, messages, expectedHeadSequence: 2n ** 53n }),
        "expected_head_sequence",
      ],
      [() => session.fork({ at: -1 }), "at_sequence"],
      [
        () => state.lowLevel(SessionService).forkSession({ sessionId, atSequence: 2n ** 53n }),
        "at_sequence",
      ],
      [() => clearMessages({ sessionId, afterSequence: -1n }), "after_sequence"],
      [
        () => streamMessages({ sessionId, start: { case: "afterSequence", value: -1n } }).next(),
        "after_sequence",
      ],
      [() => streamMessages({ sessionId, start }).next(), "last_messages"],
      [() => streamMessages({ sessionId, frameMaxMessages: -1 }).next(), "frame_max_messages"],
      [() => session.state.get({ version: 0 }), "version"],
      [() => session.update({ title: "t" }, { expectedVersion: -1 }), "expected_version"],
    ] as const;

    for (const [call, field] of calls) await expectRefusal(session, call, badFields(field));
  });

  it("is an update mask that is empty, unknown or contradicted", async () => {
    const state = await server.connect();
    const session = await state.sessions.create({ metadata: { a: 1 } });
    const { messages } = await session.append({ role: "user" });
    const { updateSession } = state.lowLevel(SessionService);
    const { updateMessage } = state.lowLevel(MessageService);
    const { id } = session;
    const message = { sessionId: id, id: messages[0]?.id ?? "", content: "x" };
    const mask = (...paths: string[]) => ({ paths });

    const calls = [
      () => updateMessage({ message }),
      () => updateMessage({ message, updateMask: mask() }),
      () => updateMessage({ message, updateMask: mask("content", "role") }),
      () => updateMessage({ message, updateMask: mask("constructor") }),
      () => updateSession({ session: { id, title: "t" } }),
      () => updateSession({ session: { id, title: "t" }, updateMask: mask("title", "key") }),
      () => session.update({ metadata: { b: 1 }, metadataSet: { c: 1 } }),
    ];

    for (const call of calls) await expectRefusal(session, call, badFields("update_mask"));
    await expectRefusal(
      session,
      () => session.update({ metadataSet: { a: 2 }, metadataRemove: ["a"] }),
      badFields("metadata_remove"),
    );
  });

  it("is a filter by metadata that is no scalar, or has too many keys", async () => {
    const state = await server.connect();
    const keys = Array.from({ length: 17 }, (_, index) => [`k${index}`, 1] as const);

    const filters = [{ a: {} }, { a: 1, b: [1] }, Object.fromEntries(keys)];

    for (const metadata of filters) {
      const list = state.sessions.listPage({ metadata });
      await expect(list).rejects.toMatchObject(badFields("metadata"));
    }
  });

  it("is an id that comes twice in one append, whatever its case", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const id = randomUUID();
    const twice = [id, id.toUpperCase()];

    await expectRefusal(
      session,
      () =>
        session.append(
          twice.map((given) => ({ id: given, role: "user" })),
          { agentStates: twice.map((given) => ({ id: given, state: 1 })) },
        ),
      badFields("messages[1].id", "agent_states[1].id"),
    );
  });

  it("is named together with every other one", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const { appendMessages } = state.lowLevel(MessageService);

    await expectRefusal(
      session,
      () =>
        appendMessages({
          sessionId: session.id,
          messages: [{ role: Role.USER, content: "\0" }, { id: "x" }],
          expectedHeadSequence: -1n,
        }),
      badFields(
        "messages[0].content",
        "messages[1].id",
        "messages[1].role",
        "expected_head_sequence",
      ),
    );
  });

  it("is the tenant that is no UUID", async () => {
    for (const tenantId of ["", "x", `${randomUUID()},${randomUUID()}`]) {
      const state = await server.connect({ tenantId });

      const list = state.sessions.listPage();

      await expect(list).rejects.toMatchObject(badFields("x-tenant-id"));
    }
  });
});
