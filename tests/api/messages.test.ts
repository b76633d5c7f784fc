import { randomUUID } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { MessageService } from "@mofa-state/client";
import { MessageSchema, Role } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { expect, it, onTestFinished, vi } from "vitest";
import { collect } from "../support/collect.js";
import { describeDatabases } from "../support/databases.js";
import { connectForTest, startTestServer } from "../support/test-server.js";
import { shareServer } from "./shared-server.js";

/** Stops the clock of this process, its servers included, until the test ends. */
function freezeClock(now: Date): void {
  vi.useFakeTimers({ toFake: ["Date"], now });
  onTestFinished(() => {
    vi.useRealTimers();
  });
}

describeDatabases("messages", (database) => {
  const server = shareServer(database);

  it("are listed in the order in which they were appended", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();

    await session.append({ role: "user", content: "Hello" });
    await session.append({ role: "assistant", content: "Hi!" });

    const messages = await collect(session.listMessages());
    expect(messages.map(({ role, content }) => [role, content])).toEqual([
      ["user", "Hello"],
      ["assistant", "Hi!"],
    ]);
    expect(messages.map(({ sequence }) => sequence)).toEqual([1, 2]);
    expect(await session.refresh()).toMatchObject({ headSequence: 2, messageCount: 2 });
  });

  it("keep their order where all have one time, also after a restart", async () => {
    const url = await database.create();
    freezeClock(new Date("2026-01-02T03:04:05.678Z"));
    const first = await startTestServer({ database: url });
    const state = await connectForTest(first.address);
    const { id } = await state.sessions.create();
    const { appendMessages } = state.lowLevel(MessageService);
    const createdAt = timestampFromMs(0);
    // Random ids, so that no order but that of the sequences gives that of the appends.
    const sent = Array.from({ length: 100 }, (_, index) =>
      create(MessageSchema, { id: randomUUID(), role: Role.USER, content: `${index}`, createdAt }),
    );
    for (const message of sent.slice(0, 50)) {
      await appendMessages({ sessionId: id, messages: [message] });
    }
    await appendMessages({ sessionId: id, messages: sent.slice(50) });
    const before = await collect((await state.sessions.get(id)).listMessages());

    // What is in memory does not outlive its server.
    if (database.kind !== "memory") await first.close();
    const second = database.kind === "memory" ? first : await startTestServer({ database: url });
    const { sessions } = await connectForTest(second.address);
    const after = await collect((await sessions.get(id)).listMessages());

    expect(before.map((message) => message.id)).toEqual(sent.map((message) => message.id));
    expect(new Set(before.map((message) => message.createdAt.toISOString()))).toEqual(
      new Set(["2026-01-02T03:04:05.678Z"]),
    );
    expect(after).toEqual(before);
  });

  it("have times that do not run backwards with the clock", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const { messages } = await session.append({ role: "user" });
    const before = messages[0]?.createdAt ?? new Date(0);

    freezeClock(new Date(before.getTime() - 3_600_000));
    const { messages: later } = await session.append({ role: "user" });

    expect(later[0]?.createdAt.getTime()).toBeGreaterThanOrEqual(before.getTime());
    expect(await session.refresh()).toMatchObject({ updatedAt: later[0]?.createdAt });
  });

  it("keep sequence, role, session and time of creation when they are edited", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const { messages } = await session.append([
      { role: "user", content: "a", tokenCount: 3, metadata: { kept: 1 } },
      { role: "assistant", content: "b" },
    ]);
    const original = messages[0];
    const editTime = new Date((original?.updatedAt.getTime() ?? 0) + 5_000);

    freezeClock(editTime);
    const edited = await session.updateMessage(original?.id ?? "", { content: "edited" });

    expect(edited).toEqual({
      ...original,
      content: "edited",
      updatedAt: editTime,
      version: 2,
      revision: 3,
    });
    expect(await collect(session.listMessages())).toEqual([edited, messages[1]]);
    expect(await session.refresh()).toMatchObject({ updatedAt: editTime, revision: 3, version: 1 });
  });

  it("can have every field edited, cleared and set again", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const full = {
      content: "text",
      parts: [{ type: "reasoning", text: "hm", signature: "s" }],
      metadata: { a: 1 },
      raw: { data: new Uint8Array([0, 255]), mediaType: "x/y" },
      pinned: true,
      tokenCount: 0,
    } as const;
    const { messages } = await session.append({ role: "user" });
    const id = messages[0]?.id ?? "";

    const filled = await session.updateMessage(id, full);
    const emptied = await session.updateMessage(id, {
      content: "",
      parts: [],
      metadata: {},
      pinned: false,
      clear: ["raw", "tokenCount"],
    });

    expect(filled).toMatchObject({ ...full, version: 2 });
    expect(emptied).toEqual({
      ...messages[0],
      version: 3,
      revision: 4,
      updatedAt: emptied.updatedAt,
    });
    expect(await session.getMessage(id)).toEqual(emptied);
  });

  it("are not written by an edit whose values already hold, whatever version was expected", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const values = { content: "a", metadata: { x: 1, y: 2 } };
    const { messages } = await session.append({ role: "user", ...values });
    const before = await session.refresh();

    const same = { content: "a", metadata: { y: 2, x: 1 } };
    const edited = await session.updateMessage(messages[0]?.id ?? "", same, { expectedVersion: 9 });

    expect(edited).toEqual(messages[0]);
    expect(await session.refresh()).toEqual(before);
  });

  it("refuse an edit from a version that is not the present one", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const { messages } = await session.append({ role: "user", content: "a" });
    const id = messages[0]?.id ?? "";
    const edited = await session.updateMessage(id, { content: "b" }, { expectedVersion: 1 });

    const stale = session.updateMessage(id, { content: "c" }, { expectedVersion: 1 });

    await expect(stale).rejects.toMatchObject({
      code: "aborted",
      reason: "VERSION_CONFLICT",
      metadata: { expected: "1", actual: "2" },
    });
    expect(await session.getMessage(id)).toEqual(edited);
  });

  it("are not found by an id that the session does not have", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const other = await state.sessions.create();
    const { messages } = await other.append({ role: "user" });
    const id = messages[0]?.id ?? "";

    const calls = [
      () => session.getMessage(id),
      () => session.updateMessage(id, { content: "x" }),
      () => session.deleteMessage(id),
    ];

    for (const call of calls) {
      await expect(call()).rejects.toMatchObject({
        code: "not_found",
        reason: "MESSAGE_NOT_FOUND",
      });
    }
    expect(await other.getMessage(id)).toEqual(messages[0]);
  });
});
