import { setImmediate } from "node:timers/promises";
import type { State } from "@mofa-state/client";
import { expect, it } from "vitest";
import { collect } from "../support/collect.js";
import { describeDatabases } from "../support/databases.js";
import { startTestState } from "../support/test-server.js";

/** Lets the clock go on, so that what comes next is later for ListSessions, too. */
async function passMillisecond(): Promise<void> {
  const now = Date.now();
  while (Date.now() <= now) await setImmediate();
}

async function createInTurn(state: State, titles: readonly string[]) {
  const sessions = [];
  for (const title of titles) {
    await passMillisecond();
    sessions.push(await state.sessions.create({ title, metadata: { n: sessions.length } }));
  }
  await passMillisecond();
  return sessions;
}

async function titles(state: State): Promise<readonly string[]> {
  return (await collect(state.sessions.list({ pageSize: 2 }))).map(({ title }) => title);
}

describeDatabases("the list of sessions", (database) => {
  it("has the most recently active session in front", async () => {
    const state = await startTestState(database);
    const [a, b, c] = await createInTurn(state, ["a", "b", "c"]);

    expect(await titles(state)).toEqual(["c", "b", "a"]);
    await a?.append({ role: "user", content: "Hello" });
    expect(await titles(state)).toEqual(["a", "c", "b"]);
    await passMillisecond();
    await b?.state.put({ step: 1 });
    expect(await titles(state)).toEqual(["b", "a", "c"]);
    await passMillisecond();
    await c?.update({ title: "C" });
    expect(await titles(state)).toEqual(["C", "b", "a"]);
  });

  it("leaves a session where it is that was only read", async () => {
    const state = await startTestState(database);
    const [a] = await createInTurn(state, ["a", "b"]);

    await a?.refresh();
    await state.sessions.open({ id: a?.id, title: "other" });
    await a?.update({ title: "a" });

    expect(await titles(state)).toEqual(["b", "a"]);
  });

  it("takes a title from the version last read while appends go on", async () => {
    const state = await startTestState(database);
    const session = await state.sessions.create({ title: "before" });
    const { version } = session.info;
    let going = true;
    const appends = (async () => {
      while (going) await session.append({ role: "user", content: "and on" });
    })();
    try {
      while ((await session.refresh()).headSequence < 3) await setImmediate();
      await session.update({ title: "after" }, { expectedVersion: version });
    } finally {
      going = false;
    }
    await appends;

    const { title, headSequence, messageCount, ...after } = await session.refresh();
    expect(after.version).toBe(version + 1);
    expect(title).toBe("after");
    expect(messageCount).toBe(headSequence);
    expect(after.revision).toBe(1 + headSequence + 1);
  });

  it("lists no session twice in one walk, though one moves ahead meanwhile", async () => {
    const state = await startTestState(database);
    const sessions = await createInTurn(state, ["a", "b", "c", "d", "e", "f"]);

    const first = await state.sessions.listPage({ pageSize: 2 });
    await sessions[0]?.append({ role: "user", content: "ahead" });
    await sessions[4]?.append({ role: "user", content: "listed before" });
    const rest = [];
    for (let token = first.nextPageToken; token !== undefined; ) {
      const page = await state.sessions.listPage({ pageSize: 2, pageToken: token });
      rest.push(...page.sessions);
      token = page.nextPageToken;
    }

    expect(first.sessions.map(({ title }) => title)).toEqual(["f", "e"]);
    expect(rest.map(({ title }) => title)).toEqual(["d", "c", "b"]);
  });

  it("finds sessions by user, agent, metadata and time of activity, all together", async () => {
    const state = await startTestState(database);
    const userId = "01890a5d-ac96-774b-bcce-b302099a8057";
    const agentId = "01890a5d-ac96-774b-bcce-b302099a8058";
    const metadata = { text: "a", number: 1.5, yes: true, none: null };
    const wanted = await state.sessions.create({ userId, agentId, metadata });
    await state.sessions.create({ userId, metadata });
    await state.sessions.create({ userId, agentId, metadata: { ...metadata, text: "A" } });
    await state.sessions.create({ userId, agentId, metadata: { ...metadata, number: "1.5" } });
    await passMillisecond();
    await state.sessions.create({ userId, agentId, metadata });
    const { updatedAt } = wanted.info;
    const updatedBefore = new Date(updatedAt.getTime() + 1);
    const filter = { userId, agentId, metadata, updatedAfter: updatedAt, updatedBefore };

    const found = await collect(state.sessions.list(filter));
    const none = await collect(state.sessions.list({ ...filter, updatedBefore: updatedAt }));

    expect(found.map(({ id }) => id)).toEqual([wanted.id]);
    expect(none).toEqual([]);
  });
});
