import { randomUUID } from "node:crypto";
import type { NewApiCall, State, UsageGrouping } from "@mofa-state/client";
import { expect, it } from "vitest";
import { collect } from "../support/collect.js";
import { describeDatabases } from "../support/databases.js";
import { shareServer } from "./shared-server.js";

const CALL = { model: "m", status: "success" } as const;

async function recordAll(state: State, calls: readonly Partial<NewApiCall>[]): Promise<void> {
  await Promise.all(calls.map((call) => state.usage.record({ ...CALL, ...call })));
}

/** Reads the groups, one a page, and gives the key and the number of calls of each. */
async function counts(state: State, groupBy: UsageGrouping) {
  const whole = await collect(state.usage.totals({ groupBy }));
  expect(await collect(state.usage.totals({ groupBy, pageSize: 1 }))).toEqual(whole);
  return whole.map(({ key, calls }) => [key, calls.total]);
}

describeDatabases("groups of usage", (database) => {
  const server = shareServer(database);

  it("are the days in UTC, in their order", async () => {
    const state = await server.connect();
    const times = [
      ...["2026-03-01T00:00:00.000Z", "2026-02-28T23:59:59.999Z", "2026-02-28T00:00:00.000Z"],
      ...["2024-02-29T12:00:00.000Z", "1970-01-01T00:00:00.000Z", "2025-10-26T01:30:00.000Z"],
    ];

    await recordAll(
      state,
      times.map((time) => ({ createdAt: new Date(time) })),
    );

    expect(await counts(state, "day")).toEqual([
      ["1970-01-01", 1],
      ["2024-02-29", 1],
      ["2025-10-26", 1],
      ["2026-02-28", 2],
      ["2026-03-01", 1],
    ]);
  });

  it("are the models, byte for byte", async () => {
    const state = await server.connect();
    const models = ["b", "B", "a", "b ", "ä", "z", "é", "e\u0301", "😀", "\uffee", "b"];

    await recordAll(
      state,
      models.map((model) => ({ model })),
    );

    const distinct = [...new Set(models)].sort((a, b) =>
      Buffer.compare(Buffer.from(a), Buffer.from(b)),
    );
    expect(await counts(state, "model")).toEqual(
      distinct.map((model) => [model, model === "b" ? 2 : 1]),
    );
  });

  it.each(["userId", "agentId", "sessionId"] as const)(
    "are those of each %s, after those without one",
    async (field) => {
      const state = await server.connect();
      const ids = (await Promise.all([1, 2, 3].map(() => state.sessions.create()))).map(
        ({ id }) => id,
      );
      await recordAll(
        state,
        [...ids, ...ids.slice(1), undefined].map((id) => ({ [field]: id })),
      );

      const groupBy = field.slice(0, -2) as UsageGrouping;

      const expected = [undefined, ...ids.toSorted()].map((id) => [
        id,
        id && id !== ids[0] ? 2 : 1,
      ]);
      expect(await counts(state, groupBy)).toEqual(expected);
    },
  );

  it("have sums, costs and averages of their own", async () => {
    const state = await server.connect();
    const price = (amount: string, currency = "USD") => ({ price: { amount, currency } });
    await recordAll(state, [
      { promptTokens: 1, completionTokens: 2, latencyMs: 1, ...price("0.1") },
      { promptTokens: 2, cachedTokens: 1, latencyMs: 2, status: "failed", ...price("0.2") },
      { timeToFirstTokenMs: 5, status: "cancelled", ...price("0.000000001", "EUR") },
      { completionTokens: 9, reasoningTokens: 8, status: "rate_limited", ...price("0") },
      { model: "n", promptTokens: 0, status: "timeout" },
    ]);

    const groups = await collect(state.usage.totals({ groupBy: "model", pageSize: 1 }));

    const none = { success: 0, failed: 0, timeout: 0, rateLimited: 0, cancelled: 0 };
    expect(groups).toEqual([
      {
        key: "m",
        calls: { ...none, total: 4, success: 1, failed: 1, rateLimited: 1, cancelled: 1 },
        ...{ promptTokens: 3, completionTokens: 11, totalTokens: 14 },
        ...{ cachedTokens: 1, reasoningTokens: 8 },
        costs: [
          { amount: "0.000000001", currency: "EUR" },
          { amount: "0.3", currency: "USD" },
        ],
        ...{ averagePromptTokens: 1.5, averageCompletionTokens: 5.5, averageLatencyMs: 1.5 },
        averageTimeToFirstTokenMs: 5,
      },
      {
        key: "n",
        calls: { ...none, total: 1, timeout: 1 },
        ...{ promptTokens: 0, completionTokens: 0, totalTokens: 0 },
        ...{ cachedTokens: 0, reasoningTokens: 0, costs: [], averagePromptTokens: 0 },
      },
    ]);
  });

  it("are of the calls that the filter selects", async () => {
    const state = await server.connect();
    await recordAll(state, [{ model: "a" }, { model: "b" }, { model: "b", status: "failed" }]);

    const groups = await collect(state.usage.totals({ groupBy: "model", status: "failed" }));

    expect(groups).toMatchObject([{ key: "b", calls: { total: 1, failed: 1 } }]);
  });

  it("add money and tokens up exactly, past what a double holds of money", async () => {
    const state = await server.connect();
    const most = { promptTokens: 2_147_483_647, completionTokens: 2_147_483_647 };
    const price = { amount: "1000000", currency: "USD" };
    const cent = { amount: "0.000000001", currency: "USD" };

    await recordAll(state, [...Array(20).fill({ ...most, price }), { price: cent }]);

    expect(await state.usage.total()).toMatchObject({
      totalTokens: 20 * 2 * 2_147_483_647,
      averagePromptTokens: 2_147_483_647,
      costs: [{ amount: "20000000.000000001", currency: "USD" }],
    });
  });

  it("are out of range where money is beyond an int64", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const apiCalls = Array(100).fill({ ...CALL, price: { amount: "1000000", currency: "USD" } });
    for (let appends = 0; appends < 93; appends += 1) {
      await session.append({ role: "user" }, { apiCalls });
    }

    const tooLarge = { code: "out_of_range", reason: "TOTAL_TOO_LARGE" };
    await expect(state.usage.total()).rejects.toMatchObject(tooLarge);
    await expect(state.usage.totalsPage({ groupBy: "model" })).rejects.toMatchObject(tooLarge);
    expect(await state.usage.total({ model: "other" })).toMatchObject({ costs: [] });
  });
});

describeDatabases("pages of usage", (database) => {
  const server = shareServer(database);

  it("list calls newest first, then by id, and skip none that was there", async () => {
    const state = await server.connect();
    const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second));
    const calls = Array.from({ length: 9 }, (_, index) => ({
      id: randomUUID(),
      createdAt: at(Math.floor(index / 3)),
    }));
    await recordAll(state, calls);
    const expected = calls
      .toSorted((a, b) => +b.createdAt - +a.createdAt || (a.id < b.id ? 1 : -1))
      .map(({ id }) => id);

    const seen: string[] = [];
    for await (const { id } of state.usage.list({ pageSize: 2, through: at(3) })) {
      seen.push(id);
      await state.usage.record(CALL);
    }

    expect(seen).toEqual(expected);
    expect(await collect(state.usage.list({ pageSize: 1_000 }))).toHaveLength(18);
  });

  it("hold 50 where the size is 0, and all groups are reached", async () => {
    const state = await server.connect();
    const models = Array.from({ length: 51 }, (_, index) => `m${100 + index}`);
    await recordAll(
      state,
      models.map((model) => ({ model })),
    );

    const calls = await state.usage.listPage();
    const groups = await state.usage.totalsPage({ groupBy: "model" });

    expect([calls.apiCalls.length, groups.groups.length]).toEqual([50, 50]);
    const { nextPageToken: pageToken } = groups;
    const rest = await state.usage.totalsPage({ groupBy: "model", pageToken, pageSize: 9 });
    expect(rest).toMatchObject({ groups: [{ key: "m150" }], nextPageToken: undefined });
    expect((await state.usage.total()).calls.total).toBe(51);
  });

  it("end early at 2 MiB", async () => {
    const state = await server.connect();
    const error = "x".repeat(8_192);
    await recordAll(state, Array(300).fill({ status: "failed", error }));

    const { apiCalls, nextPageToken } = await state.usage.listPage({ pageSize: 1_000 });

    expect(nextPageToken).toBeDefined();
    expect(apiCalls.length).toBeLessThanOrEqual(256);
    expect(await collect(state.usage.list({ pageSize: 1_000 }))).toHaveLength(300);
  });
});
