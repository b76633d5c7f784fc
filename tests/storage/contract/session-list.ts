import { expect, it } from "vitest";
import type { Session } from "../../../server/src/domain/model.js";
import type { PageBounds } from "../../../server/src/domain/storage.js";
import { newUuid } from "../../../server/src/domain/uuid.js";
import { stopClock } from "./fixed-clock.js";
import { appendOf, createSession, newMessage, WIDE } from "./samples.js";
import type { StorageSuite } from "./storage-suite.js";

/** Tests SessionStorage.list: its order and its pages. */
export function testSessionList(suite: StorageSuite): void {
  /** Creates sessions of a new tenant, and gives their ids as the list must have them. */
  async function createMany(count: number, metadata = {}): Promise<[string, readonly string[]]> {
    const tenantId = newUuid();
    const ids: string[] = [];
    for (let index = 0; index < count; index++) {
      const { sessionId } = await createSession(suite.storage, { tenantId, metadata });
      ids.unshift(sessionId);
    }
    return [tenantId, ids];
  }

  async function walk(tenantId: string, bounds: PageBounds): Promise<readonly string[][]> {
    const pages: string[][] = [];
    let after: Session | undefined;
    for (let hasMore = true; hasMore; ) {
      const page = await suite.storage.sessions.list(tenantId, {}, after, bounds);
      pages.push(page.items.map(({ id }) => id));
      after = page.items.at(-1);
      hasMore = page.hasMore && after !== undefined;
    }
    return pages;
  }

  it("lists the latest change first, and of one moment the greatest id", async () => {
    const move = stopClock(new Date("2026-03-01T00:00:00.000Z"));
    const [tenantId, ids] = await createMany(5);
    const sorted = [...ids].sort().reverse();
    const moved = sorted[3] ?? "";

    expect(await walk(tenantId, WIDE)).toEqual([sorted]);
    move(new Date("2026-03-01T00:00:00.001Z"));
    await suite.storage.messages.append({ tenantId, sessionId: moved }, appendOf(newMessage()));

    expect(await walk(tenantId, WIDE)).toEqual([[moved, ...sorted.filter((id) => id !== moved)]]);
  });

  it("gives sessions as they are", async () => {
    const given = { key: "k", userId: newUuid(), title: "t", metadata: { a: [1, null] } };
    const ref = await createSession(suite.storage, given);
    await suite.storage.messages.append(ref, appendOf(newMessage(), newMessage()));

    const { items } = await suite.storage.sessions.list(ref.tenantId, {}, undefined, WIDE);

    expect(items).toEqual([await suite.storage.sessions.get(ref)]);
  });

  it("ends a page at its number of items, without skipping or repeating any", async () => {
    stopClock(new Date("2026-03-01T00:00:00.000Z"));
    const [tenantId, ids] = await createMany(7);
    const sorted = [...ids].sort().reverse();

    const pages = await walk(tenantId, { ...WIDE, maxItems: 3 });

    expect(pages.map(({ length }) => length)).toEqual([3, 3, 1]);
    expect(pages.flat()).toEqual(sorted);
  });

  it("knows that nothing follows a page that all fit exactly", async () => {
    const [tenantId, ids] = await createMany(3);

    const page = await suite.storage.sessions.list(tenantId, {}, undefined, {
      ...WIDE,
      maxItems: 3,
    });

    expect(page.items).toHaveLength(ids.length);
    expect(page.hasMore).toBe(false);
    const after = page.items.at(-1);
    const next = await suite.storage.sessions.list(tenantId, {}, after, WIDE);
    expect(next).toEqual({ items: [], hasMore: false });
  });

  it("ends a page before its bytes are passed, with one session at least", async () => {
    const [tenantId, ids] = await createMany(5, { text: "x".repeat(10_000) });

    const [tight, loose] = [
      await walk(tenantId, { ...WIDE, maxBytes: 100 }),
      await walk(tenantId, { ...WIDE, maxBytes: 25_000 }),
    ];

    expect(tight.map(({ length }) => length)).toEqual([1, 1, 1, 1, 1]);
    expect(loose.map(({ length }) => length)).toEqual([2, 2, 1]);
    expect(loose.flat().sort()).toEqual([...ids].sort());
  });

  it("gives an empty page to a tenant that has no session", async () => {
    const page = await suite.storage.sessions.list(newUuid(), {}, undefined, WIDE);

    expect(page).toEqual({ items: [], hasMore: false });
  });

  it("leaves out what was deleted, and goes on behind it", async () => {
    stopClock(new Date("2026-03-01T00:00:00.000Z"));
    const [tenantId, ids] = await createMany(3);
    const [first, second, third] = [...ids].sort().reverse();
    const { sessions } = suite.storage;
    const { items } = await sessions.list(tenantId, {}, undefined, { ...WIDE, maxItems: 2 });
    await sessions.delete({ tenantId, sessionId: second ?? "" });

    const next = await sessions.list(tenantId, {}, items[1], WIDE);

    expect(next.items.map(({ id }) => id)).toEqual([third]);
    expect(await walk(tenantId, WIDE)).toEqual([[first, third]]);
  });
}
