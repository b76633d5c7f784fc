import { expect, it } from "vitest";
import type { ApiCallStatus } from "../../../server/src/domain/api-call.js";
import type {
  ApiCallFilter,
  UsageGroup,
  UsageGrouping,
} from "../../../server/src/domain/usage-storage.js";
import { newUuid } from "../../../server/src/domain/uuid.js";
import {
  type ApiCallSample,
  appendOf,
  createSession,
  newApiCall,
  newMessage,
  WIDE,
} from "./samples.js";
import type { StorageSuite } from "./storage-suite.js";

const NOON = new Date("2026-03-01T12:00:00.000Z");
const MAX_PRICE = 1_000_000_000_000_000;

const NO_CALLS = { total: 0, success: 0, failed: 0, timeout: 0, rate_limited: 0, cancelled: 0 };

const EMPTY: UsageGroup = {
  key: undefined,
  calls: NO_CALLS,
  promptTokens: 0n,
  completionTokens: 0n,
  cachedTokens: 0n,
  reasoningTokens: 0n,
  costs: [],
  averagePromptTokens: undefined,
  averageCompletionTokens: undefined,
  averageLatencyMs: undefined,
  averageTimeToFirstTokenMs: undefined,
};

function at(ms: number): Date {
  return new Date(NOON.getTime() + ms);
}

function usd(nanoUnits: number) {
  return { nanoUnits, currency: "USD" };
}

/** Tests UsageStorage.total, and that it goes by the same calls as the list. */
export function testUsageTotals(suite: StorageSuite): void {
  /** Records calls of a new tenant. */
  async function record(samples: readonly ApiCallSample[], tenantId = newUuid()): Promise<string> {
    for (const sample of samples) await suite.storage.usage.record(tenantId, newApiCall(sample));
    return tenantId;
  }

  async function totalOf(tenantId: string, filter: ApiCallFilter = {}): Promise<UsageGroup> {
    const query = { filter, groupBy: "none", after: undefined } as const;
    const { items, hasMore } = await suite.storage.usage.total(tenantId, query, WIDE);
    expect([items.length, hasMore]).toEqual([1, false]);
    return items[0] ?? EMPTY;
  }

  /** Walks all groups in pages of a size. */
  async function groupsOf(tenantId: string, groupBy: UsageGrouping, maxItems = 1_000) {
    const groups: UsageGroup[] = [];
    for (let hasMore = true; hasMore; ) {
      const query = { filter: {}, groupBy, after: groups.at(-1) };
      const page = await suite.storage.usage.total(tenantId, query, { ...WIDE, maxItems });
      expect(page.items.length).toBeLessThanOrEqual(maxItems);
      groups.push(...page.items);
      hasMore = page.hasMore;
    }
    return groups;
  }

  it("adds up 153 calls, whatever the page size", async () => {
    const success = { promptTokens: 100, completionTokens: 50, price: usd(10_000_000) };
    const failed: readonly ApiCallSample[] = [
      { status: "failed", latencyMs: 30 },
      { status: "failed", error: "broken" },
      { status: "timeout", latencyMs: 61 },
    ];
    const tenantId = await record([...Array.from({ length: 150 }, () => success), ...failed]);

    const { items } = await suite.storage.usage.total(
      tenantId,
      { filter: {}, groupBy: "none", after: undefined },
      { maxItems: 1, maxBytes: 1 },
    );

    expect(items).toEqual([
      {
        ...EMPTY,
        calls: { ...NO_CALLS, total: 153, success: 150, failed: 2, timeout: 1 },
        promptTokens: 15_000n,
        completionTokens: 7_500n,
        costs: [{ nanoUnits: 1_500_000_000n, currency: "USD" }],
        averagePromptTokens: 100,
        averageCompletionTokens: 50,
        averageLatencyMs: 45.5,
      },
    ]);
  });

  it("is zeros without averages where there is no call, and no group where there could be", async () => {
    const tenantId = newUuid();

    expect(await totalOf(tenantId)).toEqual(EMPTY);
    for (const groupBy of ["day", "model", "agent", "user", "session"] as const) {
      expect(await groupsOf(tenantId, groupBy)).toEqual([]);
    }
  });

  it("averages over the calls that have the value, which 0 is", async () => {
    const tenantId = await record([
      { promptTokens: 0, latencyMs: 1, cachedTokens: 2, reasoningTokens: 5 },
      { promptTokens: 1, latencyMs: 1, cachedTokens: 3 },
      { latencyMs: 2, timeToFirstTokenMs: 2 ** 31 - 1 },
      {},
    ]);

    expect(await totalOf(tenantId)).toMatchObject({
      cachedTokens: 5n,
      reasoningTokens: 5n,
      averagePromptTokens: 0.5,
      averageCompletionTokens: undefined,
      averageLatencyMs: 4 / 3,
      averageTimeToFirstTokenMs: 2 ** 31 - 1,
    });
  });

  it("adds the largest numbers up exactly", async () => {
    const largest = 2 ** 31 - 1;
    const tenantId = await record([
      { promptTokens: largest, price: usd(MAX_PRICE) },
      { promptTokens: largest, price: usd(MAX_PRICE - 1) },
      { promptTokens: largest, price: { nanoUnits: 1, currency: "EUR" } },
      ...Array.from({ length: 10 }, () => ({ price: usd(MAX_PRICE - 1) })),
    ]);

    expect(await totalOf(tenantId)).toMatchObject({
      promptTokens: 3n * BigInt(largest),
      costs: [
        { nanoUnits: 1n, currency: "EUR" },
        { nanoUnits: 12n * BigInt(MAX_PRICE) - 11n, currency: "USD" },
      ],
    });
  });

  it("refuses a total beyond an int64, and gives one up to it", async () => {
    const tenantId = newUuid();
    const { sessionId } = await createSession(suite.storage, { tenantId });
    const prices = [...Array.from({ length: 9_223 }, () => MAX_PRICE), 372_036_854_775_807];
    const apiCalls = prices.map((nanoUnits) => newApiCall({ sessionId, price: usd(nanoUnits) }));
    for (let start = 0; start < apiCalls.length; start += 500) {
      const some = { ...appendOf(newMessage()), apiCalls: apiCalls.slice(start, start + 500) };
      await suite.storage.messages.append({ tenantId, sessionId }, some);
    }
    const { costs } = await totalOf(tenantId);
    expect(costs).toEqual([{ nanoUnits: 2n ** 63n - 1n, currency: "USD" }]);

    await record([{ price: usd(1), model: "last straw" }], tenantId);

    const refusal = { code: "out_of_range", reason: "TOTAL_TOO_LARGE" };
    await expect(totalOf(tenantId)).rejects.toMatchObject(refusal);
    const narrow = await totalOf(tenantId, { model: "last straw" });
    expect(narrow.costs).toEqual([{ nanoUnits: 1n, currency: "USD" }]);
  });

  it("makes a group of each value, the one without first, in any size of page", async () => {
    const [one, two] = [newUuid(), newUuid()].sort();
    if (one === undefined || two === undefined) throw new Error("there are two ids");
    for (const [groupBy, column] of [
      ["agent", "agentId"],
      ["user", "userId"],
    ] as const) {
      const tenantId = await record([
        { [column]: two, price: usd(1) },
        { [column]: one, price: usd(2), latencyMs: 3 },
        { [column]: two, price: { nanoUnits: 4, currency: "EUR" }, latencyMs: 5 },
        { price: usd(8) },
      ]);
      const expected = [
        { key: undefined, calls: { total: 1 }, costs: [{ nanoUnits: 8n, currency: "USD" }] },
        { key: one, calls: { total: 1 }, averageLatencyMs: 3, costs: [{ nanoUnits: 2n }] },
        {
          key: two,
          calls: { total: 2 },
          averageLatencyMs: 5,
          costs: [
            { nanoUnits: 4n, currency: "EUR" },
            { nanoUnits: 1n, currency: "USD" },
          ],
        },
      ];
      for (const size of [1, 2, 3]) {
        expect(await groupsOf(tenantId, groupBy, size)).toMatchObject(expected);
      }
    }
  });

  it("groups by model, byte for byte", async () => {
    const models = ["b", "B", "b ", "a", "é", "😀", "\uffee"];
    const tenantId = await record(models.map((model) => ({ model })));
    const sorted = [...models].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

    for (const size of [2, 7]) {
      const groups = await groupsOf(tenantId, "model", size);
      expect(groups.map(({ key }) => key)).toEqual(sorted);
    }
    expect(await totalOf(tenantId, { model: "b" })).toMatchObject({ calls: { total: 1 } });
  });

  it("groups by session, and by day in UTC", async () => {
    const { tenantId, sessionId } = await createSession(suite.storage);
    const times = [
      "2026-02-28T23:59:59.999Z",
      "2026-03-01T00:00:00.000Z",
      "2026-03-01T23:59:59.999Z",
      "2026-03-02T00:00:00.000Z",
    ];
    await record(
      times.map((time) => ({ createdAt: new Date(time), price: usd(1) })),
      tenantId,
    );
    await record([{ sessionId, createdAt: new Date(times[0] ?? "") }], tenantId);

    for (const size of [1, 2, 5]) {
      expect(await groupsOf(tenantId, "day", size)).toMatchObject([
        { key: "2026-02-28", calls: { total: 2 }, costs: [{ nanoUnits: 1n }] },
        { key: "2026-03-01", calls: { total: 2 }, costs: [{ nanoUnits: 2n }] },
        { key: "2026-03-02", calls: { total: 1 }, costs: [{ nanoUnits: 1n }] },
      ]);
      expect(await groupsOf(tenantId, "session", size)).toMatchObject([
        { key: undefined, calls: { total: 4 }, costs: [{ nanoUnits: 4n }] },
        { key: sessionId, calls: { total: 1 }, costs: [] },
      ]);
    }
  });

  it("goes by the same calls as the list, for each filter and all of them together", async () => {
    const { tenantId, sessionId } = await createSession(suite.storage);
    const [userId, agentId] = [newUuid(), newUuid()];
    const status: ApiCallStatus = "failed";
    const wanted = { sessionId, userId, agentId, model: "m", status };
    const others = [
      { sessionId: undefined },
      { userId: newUuid() },
      { agentId: undefined },
      { model: "M" },
      { status: "success" as const },
      { createdAt: at(-1) },
      { createdAt: at(1_001) },
    ];
    const samples = [
      ...others.map((other) => ({ ...wanted, createdAt: at(500), ...other })),
      { ...wanted, createdAt: NOON },
      { ...wanted, createdAt: at(1_000) },
    ].map((sample, index) => ({ ...sample, promptTokens: 2 ** index }));
    await record(samples, tenantId);
    await record(samples.map(({ sessionId: _, ...sample }) => sample));
    const bounds = { from: NOON, through: at(1_000) };
    const filters: readonly ApiCallFilter[] = [
      {},
      { sessionId },
      { userId },
      { agentId },
      { model: "m" },
      { status },
      { from: NOON },
      { through: at(1_000) },
      bounds,
      { ...wanted, ...bounds },
    ];
    const expected = [9, 8, 8, 8, 8, 8, 8, 8, 7, 2];

    for (const [index, filter] of filters.entries()) {
      const { items } = await suite.storage.usage.list(tenantId, filter, undefined, WIDE);
      const total = await totalOf(tenantId, filter);
      const tokens = items.reduce((sum, { promptTokens = 0 }) => sum + promptTokens, 0);
      expect([filter, items.length]).toEqual([filter, expected[index]]);
      expect(total.calls.total).toBe(items.length);
      expect(total.promptTokens).toBe(BigInt(tokens));
    }
  });
}
