import { expect, it } from "vitest";
import type { ApiCall } from "../../../server/src/domain/api-call.js";
import type { PageBounds } from "../../../server/src/domain/storage.js";
import type { ApiCallFilter } from "../../../server/src/domain/usage-storage.js";
import { newUuid } from "../../../server/src/domain/uuid.js";
import { appendOf, createSession, newApiCall, newMessage, WIDE } from "./samples.js";
import type { StorageSuite } from "./storage-suite.js";

const NOON = new Date("2026-03-01T12:00:00.000Z");

function after(time: Date, ms: number): Date {
  return new Date(time.getTime() + ms);
}

/** Tests UsageStorage but for its totals. */
export function testUsage(suite: StorageSuite): void {
  async function idsOf(tenantId: string, filter: ApiCallFilter = {}): Promise<readonly string[]> {
    const { items } = await suite.storage.usage.list(tenantId, filter, undefined, WIDE);
    return items.map(({ id }) => id);
  }

  async function walk(tenantId: string, bounds: PageBounds): Promise<readonly string[][]> {
    const pages: string[][] = [];
    let last: ApiCall | undefined;
    for (let hasMore = true; hasMore; ) {
      const page = await suite.storage.usage.list(tenantId, {}, last, bounds);
      pages.push(page.items.map(({ id }) => id));
      last = page.items.at(-1);
      hasMore = page.hasMore;
    }
    return pages;
  }

  it("gives back everything that was recorded", async () => {
    const { usage, sessions } = suite.storage;
    const session = await createSession(suite.storage);
    const before = await sessions.get(session);
    const call = newApiCall({
      sessionId: session.sessionId,
      requestMessageId: newUuid(),
      responseMessageId: newUuid(),
      userId: newUuid(),
      agentId: newUuid(),
      model: "modèle 😀",
      status: "rate_limited",
      promptTokens: 2 ** 31 - 1,
      completionTokens: 0,
      cachedTokens: 3,
      reasoningTokens: 4,
      price: { nanoUnits: 999_999_999_999_999, currency: "EUR" },
      latencyMs: 5,
      timeToFirstTokenMs: 6,
      error: "é".repeat(4_096),
      createdAt: after(NOON, 1),
    });

    const recorded = await usage.record(session.tenantId, call);

    const { requestHash: _, ...content } = call;
    expect(recorded).toEqual(content);
    const { items } = await usage.list(session.tenantId, {}, undefined, WIDE);
    expect(items).toEqual([content]);
    expect(await sessions.get(session)).toEqual(before);
  });

  it("keeps what is unknown apart from what is nothing", async () => {
    const { usage } = suite.storage;
    const tenantId = newUuid();
    const [unknown, nothing] = [
      newApiCall({ createdAt: NOON }),
      newApiCall({
        promptTokens: 0,
        latencyMs: 0,
        price: { nanoUnits: 0, currency: "USD" },
        createdAt: after(NOON, 1),
      }),
    ];

    await usage.record(tenantId, unknown);
    await usage.record(tenantId, nothing);

    const { items } = await usage.list(tenantId, {}, undefined, WIDE);
    expect(items).toMatchObject([
      { promptTokens: 0, latencyMs: 0, price: { nanoUnits: 0, currency: "USD" } },
      { promptTokens: undefined, latencyMs: undefined, price: undefined },
    ]);
  });

  it("takes user and agent from the session where they are not given", async () => {
    const { usage } = suite.storage;
    const [userId, agentId, otherId] = [newUuid(), newUuid(), newUuid()];
    const { tenantId, sessionId } = await createSession(suite.storage, { userId, agentId });

    const call = await usage.record(tenantId, newApiCall({ sessionId }));
    const other = await usage.record(tenantId, newApiCall({ sessionId, agentId: otherId }));

    expect(call).toMatchObject({ userId, agentId });
    expect(other).toMatchObject({ userId, agentId: otherId });
  });

  it("gives what is stored where a call is recorded again, also after its session is gone", async () => {
    const { usage, sessions } = suite.storage;
    const session = await createSession(suite.storage, { userId: newUuid() });
    const { tenantId, sessionId } = session;
    const call = newApiCall({ sessionId });
    const first = await usage.record(tenantId, call);
    await sessions.delete(session);

    const again = await usage.record(tenantId, { ...call, createdAt: after(call.createdAt, 5) });

    expect(again).toEqual(first);
    expect(await idsOf(tenantId)).toEqual([call.id]);
  });

  it("refuses another call with the same id, and knows none of another tenant's", async () => {
    const { usage } = suite.storage;
    const [tenantId, id] = [newUuid(), newUuid()];
    await usage.record(tenantId, newApiCall({ id }));

    const other = usage.record(tenantId, newApiCall({ id, promptTokens: 1 }));

    await expect(other).rejects.toMatchObject({ code: "already_exists", reason: "ID_REUSED" });
    const stranger = newUuid();
    expect(await usage.record(stranger, newApiCall({ id, model: "b" }))).toMatchObject({ id });
    expect(await idsOf(stranger)).toEqual([id]);
  });

  it("gives all who record a call at once the same answer", async () => {
    const { storage } = suite;
    const other = suite.isShared ? await suite.openAnother() : storage;
    const tenantId = newUuid();
    const call = newApiCall({ promptTokens: 7 });

    const recorded = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        (index % 2 ? storage : other).usage.record(tenantId, call),
      ),
    );

    expect(new Set(recorded.map((each) => JSON.stringify(each))).size).toBe(1);
    expect(await idsOf(tenantId)).toEqual([call.id]);
  });

  it("refuses a session that the tenant does not have, or has deleted", async () => {
    const { usage, sessions } = suite.storage;
    const session = await createSession(suite.storage);
    const { tenantId, sessionId } = session;
    const refusal = { code: "not_found", reason: "SESSION_NOT_FOUND" };
    const unknown = usage.record(tenantId, newApiCall({ sessionId: newUuid() }));
    await expect(unknown).rejects.toMatchObject(refusal);
    const foreign = usage.record(newUuid(), newApiCall({ sessionId }));
    await expect(foreign).rejects.toMatchObject(refusal);
    await sessions.delete(session);

    const deleted = usage.record(tenantId, newApiCall({ sessionId }));

    await expect(deleted).rejects.toMatchObject({ code: "not_found", reason: "SESSION_DELETED" });
    expect(await idsOf(tenantId)).toEqual([]);
  });

  it("lists the newest call first, and of one moment the greatest id, in pages", async () => {
    const { usage } = suite.storage;
    const tenantId = newUuid();
    const atNoon = Array.from({ length: 5 }, () => newApiCall({ createdAt: NOON }));
    const [earlier, later] = [
      newApiCall({ createdAt: after(NOON, -1) }),
      newApiCall({ createdAt: after(NOON, 1) }),
    ];
    for (const call of [later, ...atNoon, earlier]) await usage.record(tenantId, call);
    const sorted = atNoon.map(({ id }) => id).sort();
    const expected = [later.id, ...sorted.reverse(), earlier.id];

    const pages = await walk(tenantId, { ...WIDE, maxItems: 3 });

    expect(pages.map(({ length }) => length)).toEqual([3, 3, 1]);
    expect(pages.flat()).toEqual(expected);
    expect(await walk(tenantId, WIDE)).toEqual([expected]);
    expect(await walk(newUuid(), WIDE)).toEqual([[]]);
  });

  it("ends a page before its bytes are passed, with one call at least", async () => {
    const { usage } = suite.storage;
    const tenantId = newUuid();
    for (let n = 0; n < 5; n++) {
      await usage.record(tenantId, newApiCall({ error: "x".repeat(8_192) }));
    }

    const [tight, loose] = [
      await walk(tenantId, { ...WIDE, maxBytes: 100 }),
      await walk(tenantId, { ...WIDE, maxBytes: 20_000 }),
    ];

    expect(tight.map(({ length }) => length)).toEqual([1, 1, 1, 1, 1]);
    expect(loose.map(({ length }) => length)).toEqual([2, 2, 1]);
  });

  it("purges what was made before a time and keeps what was made at it, in one tenant", async () => {
    const { usage } = suite.storage;
    const [tenantId, otherId] = [newUuid(), newUuid()];
    const calls = [-2, -1, 0, 1].map((ms) => newApiCall({ createdAt: after(NOON, ms) }));
    for (const call of calls) {
      await usage.record(tenantId, call);
      await usage.record(otherId, call);
    }
    const [first, second, atNoon, later] = calls.map(({ id }) => id);

    const deletedCount = await usage.purge(tenantId, NOON);

    expect(deletedCount).toBe(2);
    expect(await idsOf(tenantId)).toEqual([later, atNoon]);
    expect(await idsOf(otherId)).toEqual([later, atNoon, second, first]);
    expect(await usage.purge(tenantId, NOON)).toBe(0);
    const reused = newApiCall({ ...(first && { id: first }), model: "another" });
    expect(await usage.record(tenantId, reused)).toMatchObject({ id: first, model: "another" });
  });

  it("purges more than one transaction takes, some of them of one moment", async () => {
    const { usage, messages } = suite.storage;
    const ref = await createSession(suite.storage);
    const { tenantId, sessionId } = ref;
    for (let chunk = 0; chunk < 10; chunk++) {
      const createdAt = after(NOON, Math.max(chunk, 4));
      const apiCalls = Array.from({ length: 450 }, () => newApiCall({ sessionId, createdAt }));
      await messages.append(ref, { ...appendOf(newMessage()), apiCalls });
    }

    const deletedCount = await usage.purge(tenantId, after(NOON, 9));

    expect(deletedCount).toBe(9 * 450);
    expect(await idsOf(tenantId)).toHaveLength(450);
  });
}
