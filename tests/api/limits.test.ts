import { type JsonValue, MessageService, type NewMessage } from "@mofa-state/client";
import { Role } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { expect, it } from "vitest";
import { describeDatabases } from "../support/databases.js";
import { expectRefusal, type Refusal } from "./refusal.js";
import { shareServer } from "./shared-server.js";

const LIMITS = {
  maxRequestBytes: 4_096,
  maxMetadataBytes: 100,
  maxStateBytes: 200,
  maxAppendMessages: 3,
  defaultPageSize: 2,
  maxPageSize: 4,
};

const TOO_LARGE = { code: "resource_exhausted", reason: "REQUEST_TOO_LARGE" } as const;

/** The refusal of a request whose only fault is that these fields are too large. */
function overLimit(...fields: string[]): Refusal {
  const violations = fields.map((field) => ({ field }));
  return { code: "resource_exhausted", reason: "LIMIT_EXCEEDED", violations };
}

/** Makes metadata that takes so many bytes as JSON text. */
function metadataOf(bytes: number): { readonly m: string } {
  return { m: "x".repeat(bytes - '{"m":""}'.length) };
}

function users(count: number): NewMessage[] {
  return Array.from({ length: count }, () => ({ role: "user" }));
}

describeDatabases("a limit that was set", (database) => {
  const server = shareServer(database, { limits: LIMITS });

  it("bounds the messages of one append", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    await session.append(users(3));

    await expectRefusal(session, () => session.append(users(4)), overLimit("messages"));
  });

  it("bounds metadata, measured in bytes of JSON text", async () => {
    const state = await server.connect();
    const session = await state.sessions.create({ metadata: metadataOf(100) });
    await session.append({ role: "user", metadata: metadataOf(100) });
    const metadata = metadataOf(101);

    const calls = [
      [() => session.append({ role: "user", metadata }), "messages[0].metadata"],
      [() => state.sessions.create({ metadata: { m: "é".repeat(47) } }), "session.metadata"],
      [() => session.update({ metadata }), "session.metadata"],
      [() => session.update({ metadataSet: { n: "" } }), "metadata_set"],
    ] as const;

    for (const [call, field] of calls) await expectRefusal(session, call, overLimit(field));
    await session.update({ metadataSet: { m: "", n: "" } });
    expect((await session.refresh()).metadata).toEqual({ m: "", n: "" });
  });

  it("bounds a state, be it JSON or bytes", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const fitting: (JsonValue | Uint8Array)[] = ["x".repeat(198), new Uint8Array(200)];
    for (const value of fitting) await session.state.put(value);

    const bytes = new Uint8Array(201);
    await expectRefusal(session, () => session.state.put("x".repeat(199)), overLimit("json"));
    await expectRefusal(session, () => session.state.put(bytes), overLimit("data"));
    await expectRefusal(
      session,
      () => session.append({ role: "user" }, { agentStates: [{ state: 1 }, { state: bytes }] }),
      overLimit("agent_states[1].data"),
    );
  });

  it("bounds a request, and says by how much it is too large", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    await session.append({ role: "user", content: "x".repeat(3_900) });

    await expectRefusal(
      session,
      () => session.append({ role: "user", content: "x".repeat(4_096) }),
      TOO_LARGE,
    );
    await expect(state.sessions.create({ title: "x".repeat(100_000) })).rejects.toMatchObject(
      TOO_LARGE,
    );
  });

  it("bounds pages, by default and at most", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    for (let n = 0; n < 5; n += 1) {
      await session.append({ role: "user" }, { agentStates: [{ state: n }] });
      await state.sessions.create();
    }

    for (const [pageSize, length] of [
      [0, 2],
      [3, 3],
      [4, 4],
      [5, 4],
    ] as const) {
      expect((await session.listMessagesPage({ pageSize })).messages).toHaveLength(length);
      expect((await session.state.listPage({ pageSize })).agentStates).toHaveLength(length);
      expect((await state.sessions.listPage({ pageSize })).sessions).toHaveLength(length);
    }
  });
});

describeDatabases("a limit by default", (database) => {
  const server = shareServer(database);

  it("is 1,000 messages and 100 states an append", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const states = Array.from({ length: 101 }, () => ({ state: 1 }));

    await session.append(users(1_000), { agentStates: states.slice(1) });

    await expectRefusal(session, () => session.append(users(1_001)), overLimit("messages"));
    await expectRefusal(
      session,
      () => session.append(users(1), { agentStates: states }),
      overLimit("agent_states"),
    );
  });

  it("is one message or state at least in an append", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();

    await expectRefusal(session, () => session.append([]), {
      code: "invalid_argument",
      violations: [{ field: "messages" }],
    });
  });

  it("is 1,000 parts a message", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const { appendMessages } = state.lowLevel(MessageService);
    const parts = Array.from({ length: 1_001 }, () => ({
      part: { case: "reasoning" as const, value: { text: "" } },
    }));

    await expectRefusal(
      session,
      () => appendMessages({ sessionId: session.id, messages: [{ role: Role.TOOL, parts }] }),
      overLimit("messages[0].parts"),
    );
  });

  it("is 1 MiB of metadata and 8 MiB of state", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const mib = 1024 * 1024;

    await session.update({ metadata: metadataOf(mib) });
    await session.state.put(new Uint8Array(8 * mib).fill(7));

    const [metadata, bytes] = [metadataOf(mib + 1), new Uint8Array(8 * mib + 1)];
    await expectRefusal(session, () => session.update({ metadata }), overLimit("session.metadata"));
    await expectRefusal(session, () => session.state.put(bytes), overLimit("data"));
  });

  it("is 16 MiB a request, and text just below it is stored", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const content = "x".repeat(16 * 1024 * 1024);

    await expectRefusal(session, () => session.append({ role: "user", content }), TOO_LARGE);
    const fitting = content.slice(0, -1_024);
    const { messages } = await session.append({ role: "user", content: fitting });
    const stored = await session.getMessage(messages[0]?.id ?? "");
    expect(stored.content === fitting).toBe(true);
  });
});
