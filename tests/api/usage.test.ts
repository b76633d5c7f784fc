import { randomUUID } from "node:crypto";
import type { ApiCallFilter, NewApiCall, State } from "@mofa-state/client";
import { expect, it } from "vitest";
import { collect } from "../support/collect.js";
import { describeDatabases } from "../support/databases.js";
import { shareServer } from "./shared-server.js";

const PRICE = { amount: "0.01", currency: "USD" };
const GOOD = { model: "m", status: "success", promptTokens: 100, completionTokens: 50 } as const;

/** The start of the times of these tests: so long ago that every server has passed it. */
const T = Date.UTC(2026, 0, 1);

async function recordAll(state: State, calls: readonly NewApiCall[]): Promise<void> {
  await Promise.all(calls.map((call) => state.usage.record(call)));
}

/** Reads the same calls in the list and in the totals, and gives their ids. */
async function select(state: State, filter: ApiCallFilter): Promise<readonly string[]> {
  const listed = await collect(state.usage.list({ ...filter, pageSize: 3 }));
  const total = await state.usage.total(filter);

  const tokens = listed.reduce((sum, { promptTokens = 0 }) => sum + promptTokens, 0);
  expect([total.calls.total, total.promptTokens]).toEqual([listed.length, tokens]);
  return listed.map(({ id }) => id);
}

describeDatabases("usage", (database) => {
  const server = shareServer(database);

  it("adds up 150 successes, 2 failures and a timeout", async () => {
    const state = await server.connect();
    const good = { ...GOOD, price: PRICE };
    const bad = [
      { model: "m", status: "failed", latencyMs: 30, error: "refused" },
      { model: "m", status: "failed" },
      { model: "m", status: "timeout", latencyMs: 60 },
    ] as const;

    await recordAll(state, [...Array(150).fill(good), ...bad]);

    expect(await state.usage.total()).toEqual({
      key: undefined,
      calls: { total: 153, success: 150, failed: 2, timeout: 1, rateLimited: 0, cancelled: 0 },
      ...{ promptTokens: 15_000, completionTokens: 7_500, totalTokens: 22_500 },
      ...{ cachedTokens: 0, reasoningTokens: 0, costs: [{ amount: "1.5", currency: "USD" }] },
      ...{ averagePromptTokens: 100, averageCompletionTokens: 50, averageLatencyMs: 45 },
      averageTimeToFirstTokenMs: undefined,
    });
    const first = await state.usage.totalsPage({ pageSize: 1 });
    expect(first).toMatchObject({ groups: [{ totalTokens: 22_500 }], nextPageToken: undefined });
  });

  it("of nothing is zeros, with absent averages", async () => {
    const state = await server.connect();
    await state.usage.record(GOOD);
    const nobody = await server.connect();
    const nothing = {
      calls: { total: 0, success: 0, failed: 0, timeout: 0, rateLimited: 0, cancelled: 0 },
      ...{ promptTokens: 0, completionTokens: 0, totalTokens: 0, costs: [] },
      ...{ cachedTokens: 0, reasoningTokens: 0 },
    };

    expect(await nobody.usage.total()).toEqual(nothing);
    expect(await state.usage.total({ model: "other" })).toEqual(nothing);
    expect(await collect(nobody.usage.totals({ groupBy: "model" }))).toEqual([]);
    expect(await collect(nobody.usage.list())).toEqual([]);
  });

  it("gives every field of a call back", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const call: NewApiCall = {
      id: randomUUID(),
      ...{ sessionId: session.id, userId: randomUUID(), agentId: randomUUID() },
      ...{ requestMessageId: randomUUID(), responseMessageId: randomUUID() },
      ...({ model: "größtes Modell ", status: "rate_limited", error: "too many\n🦔" } as const),
      ...{ promptTokens: 4, completionTokens: 3, cachedTokens: 2, reasoningTokens: 1 },
      ...{ latencyMs: 2_147_483_647, timeToFirstTokenMs: 0 },
      price: { amount: "999999.999999999", currency: "XTS" },
      createdAt: new Date(T + 123),
    };

    const recorded = await state.usage.record(call);

    expect(recorded).toEqual(call);
    expect(await collect(state.usage.list())).toEqual([call]);
  });

  it("takes what is not said from the session and the clock, and leaves the rest absent", async () => {
    const state = await server.connect();
    const [userId, agentId, own] = [randomUUID(), randomUUID(), randomUUID()];
    const { id: sessionId } = await state.sessions.create({ userId, agentId });
    const before = Date.now();

    const call = await state.usage.record({ sessionId, model: "m", status: "cancelled" });
    const other = await state.usage.record({ ...GOOD, sessionId, userId: own });

    const { id, createdAt, ...rest } = call;
    const given = { sessionId, userId, agentId, model: "m", status: "cancelled" };
    expect(rest).toEqual(given);
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(createdAt.getTime()).toBeGreaterThanOrEqual(before);
    expect(createdAt.getTime()).toBeLessThanOrEqual(Date.now());
    expect(other).toMatchObject({ userId: own, agentId });
  });

  it("selects by each filter and by all of them the same calls in the list and in the totals", async () => {
    const state = await server.connect();
    const sessions = await Promise.all([1, 2].map(() => state.sessions.create()));
    const [here, there] = sessions.map(({ id }) => id);
    const [user, agent] = [randomUUID(), randomUUID()];
    const ids = Array.from({ length: 8 }, () => randomUUID());
    const base = { sessionId: here, userId: user, agentId: agent, model: "m", status: "success" };
    const changes = [
      {},
      { sessionId: there },
      { userId: randomUUID() },
      { agentId: randomUUID() },
      { model: "M" },
      { status: "failed" },
      { createdAt: new Date(T - 1) },
      { createdAt: new Date(T + 11) },
    ];
    const toCall = (index: number) =>
      ({
        id: ids[index],
        createdAt: new Date(T + index),
        promptTokens: 2 ** index,
        ...base,
        ...changes[index],
      }) as NewApiCall;
    await recordAll(state, Array.from(ids.keys()).map(toCall));
    const without = (...left: number[]) => ids.filter((_, index) => !left.includes(index)).sort();

    const times = { from: new Date(T), through: new Date(T + 10) };
    const filters: readonly [ApiCallFilter, readonly string[]][] = [
      [{}, without()],
      [{ sessionId: here }, without(1)],
      [{ userId: user }, without(2)],
      [{ agentId: agent.toUpperCase() }, without(3)],
      [{ model: "m" }, without(4)],
      [{ model: "m " }, []],
      [{ status: "success" }, without(5)],
      [{ from: times.from }, without(6)],
      [{ through: times.through }, without(7)],
      [{ userId: user, model: "m" }, without(2, 4)],
      [{ ...(base as ApiCallFilter), ...times }, ids.slice(0, 1)],
      [{ sessionId: randomUUID() }, []],
    ];

    for (const [filter, expected] of filters) {
      expect([...(await select(state, filter))].sort(), JSON.stringify(filter)).toEqual(expected);
    }
  });

  it("includes both ends of a time, to the millisecond", async () => {
    const state = await server.connect();
    const ids = [0, 1, 2, 3].map(() => randomUUID());
    const calls = ids.map((id, index) => ({ ...GOOD, id, createdAt: new Date(T + index) }));
    await recordAll(state, calls);

    const inside = await select(state, { from: new Date(T + 1), through: new Date(T + 2) });
    const instant = await select(state, { from: new Date(T + 1), through: new Date(T + 1) });
    const reversed = await select(state, { from: new Date(T + 2), through: new Date(T + 1) });

    expect(inside).toEqual([ids[2], ids[1]]);
    expect(instant).toEqual([ids[1]]);
    expect(reversed).toEqual([]);
  });

  it("is purged of what is older than a time, and keeps what was made at it", async () => {
    const tenantId = randomUUID();
    const state = await server.connect({ tenantId });
    const other = await server.connect();
    const times = [-1, 0, 1].map((offset) => ({ ...GOOD, createdAt: new Date(T + offset) }));
    await recordAll(state, [...times, { ...GOOD, createdAt: new Date(0) }]);
    await recordAll(other, times);

    const counts = [await state.usage.purge(new Date(T)), await state.usage.purge(new Date(T))];

    expect(counts).toEqual([2, 0]);
    const kept = await collect(state.usage.list());
    expect(kept.map(({ createdAt }) => createdAt.getTime() - T)).toEqual([1, 0]);
    expect((await state.usage.total()).calls.total).toBe(2);
    expect((await other.usage.total()).calls.total).toBe(3);
  });

  it("takes a purged call's id for another call", async () => {
    const state = await server.connect();
    const id = randomUUID();
    await state.usage.record({ ...GOOD, id, createdAt: new Date(T) });
    await state.usage.purge(new Date(T + 1));

    const again = await state.usage.record({ ...GOOD, id, model: "other" });

    expect(await collect(state.usage.list())).toEqual([again]);
  });

  it("outlives the session that it was for", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const { id: sessionId } = session;
    const call = await state.usage.record({ ...GOOD, sessionId });
    await session.append({ role: "user" }, { apiCalls: [GOOD] });
    const before = await state.usage.total({ sessionId });

    await session.delete();

    expect(before.calls.total).toBe(2);
    expect(await state.usage.total({ sessionId })).toEqual(before);
    expect(await collect(state.usage.list({ sessionId }))).toContainEqual(call);
    await expect(state.usage.record({ ...GOOD, sessionId })).rejects.toMatchObject({
      code: "not_found",
      reason: "SESSION_DELETED",
    });
  });

  it("changes nothing of a session whose calls are recorded", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const before = session.info;

    await state.usage.record({ ...GOOD, sessionId: session.id });

    expect(await session.refresh()).toEqual(before);
  });
});
