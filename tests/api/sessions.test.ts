import { randomUUID } from "node:crypto";
import { expect, it } from "vitest";
import { describeDatabases } from "../support/databases.js";
import { shareServer } from "./shared-server.js";

describeDatabases("sessions", (database) => {
  const server = shareServer(database);

  it("reads back equal in every field that was set at creation", async () => {
    const tenantId = randomUUID();
    const state = await server.connect({ tenantId });
    const id = randomUUID();
    const fields = {
      key: "support-42",
      userId: randomUUID(),
      agentId: randomUUID(),
      title: "x",
      metadata: { k: { n: 1 }, s: "v", list: [null, true, 0.5, "1"], empty: {} },
    };

    const { info } = await state.sessions.create({ id, ...fields });

    expect(info).toEqual({
      id,
      ...fields,
      createdAt: info.createdAt,
      updatedAt: info.createdAt,
      headSequence: 0,
      messageCount: 0,
      revision: 1,
      version: 1,
      forkSessionId: undefined,
      forkSequence: 0,
    });
    expect((await state.sessions.get(id)).info).toEqual(info);
    expect((await state.sessions.get({ key: "support-42" })).info).toEqual(info);
    expect((await state.sessions.listPage()).sessions).toEqual([info]);
  });

  it("has what was not set as absent or empty", async () => {
    const state = await server.connect();

    const { info } = await state.sessions.create();

    expect(info).toMatchObject({ title: "", metadata: {} });
    expect(info.key ?? info.userId ?? info.agentId).toBeUndefined();
    expect((await state.sessions.get(info.id)).info).toEqual(info);
  });

  it("takes ids in any case, and gives them in lower case", async () => {
    const state = await server.connect();
    const [id, userId] = [randomUUID(), randomUUID()];

    const upper = { id: id.toUpperCase(), userId: userId.toUpperCase() };
    const session = await state.sessions.create(upper);

    expect(session.info).toMatchObject({ id, userId });
    expect((await state.sessions.create({ id, userId })).info).toEqual(session.info);
    expect((await state.sessions.get(id.toUpperCase())).info).toEqual(session.info);
    expect((await state.sessions.listPage({ userId: upper.userId })).sessions).toHaveLength(1);
  });

  it("are told apart by keys that differ in case, trailing spaces or normalization", async () => {
    const state = await server.connect();
    const keys = [
      "a",
      "A",
      "a ",
      " a",
      "a\t",
      "á",
      "a\u0301",
      "%",
      "_",
      "a_",
      "'",
      '"',
      "\\",
      "ａ",
    ];

    const sessions = [];
    for (const key of keys) sessions.push(await state.sessions.open({ key }));

    expect(sessions.map(({ created }) => created)).toEqual(keys.map(() => true));
    for (const [index, key] of keys.entries()) {
      const { info } = await state.sessions.get({ key });
      expect(info).toMatchObject({ id: sessions[index]?.id, key });
    }
  });

  it("take a key of 255 bytes, counted in UTF-8", async () => {
    const state = await server.connect();
    const key = `${"é".repeat(127)}x`;

    const session = await state.sessions.create({ key });

    expect((await state.sessions.get({ key })).id).toBe(session.id);
  });

  it("refuse a key that another session has, and keep that one", async () => {
    const state = await server.connect();
    const first = await state.sessions.create({ key: "k", title: "first" });

    const second = state.sessions.create({ key: "k", title: "second" });

    await expect(second).rejects.toMatchObject({ code: "already_exists", reason: "KEY_TAKEN" });
    expect((await state.sessions.listPage()).sessions).toEqual([first.info]);
  });

  it("open by id or key alone, whatever else is asked for", async () => {
    const state = await server.connect();
    const id = randomUUID();
    const created = await state.sessions.open({ id, key: "k", title: "first" });

    const byKey = await state.sessions.open({ key: "k", title: "other", userId: randomUUID() });
    const byId = await state.sessions.open({ id, title: "other" });

    expect(created.created).toBe(true);
    expect([byKey.created, byId.created]).toEqual([false, false]);
    expect(byKey.info).toEqual(created.info);
    expect(byId.info).toEqual(created.info);
  });

  it("refuse to open an id and a key that name two sessions", async () => {
    const state = await server.connect();
    const first = await state.sessions.create({ key: "one" });
    const second = await state.sessions.create({ key: "two" });

    const opening = state.sessions.open({ id: first.id, key: "two" });

    await expect(opening).rejects.toMatchObject({
      code: "already_exists",
      reason: "SESSION_MISMATCH",
    });
    expect((await state.sessions.get(first.id)).info).toEqual(first.info);
    expect((await state.sessions.get(second.id)).info).toEqual(second.info);
  });

  it("open by the one of id and key that names a session, and keep it as it is", async () => {
    const state = await server.connect();
    const session = await state.sessions.create({ key: "k" });

    const byKey = await state.sessions.open({ id: randomUUID(), key: "k" });
    const byId = await state.sessions.open({ id: session.id, key: "unknown" });

    expect([byKey.created, byId.created]).toEqual([false, false]);
    expect([byKey.info, byId.info]).toEqual([session.info, session.info]);
    expect((await state.sessions.listPage()).sessions).toEqual([session.info]);
  });
});
