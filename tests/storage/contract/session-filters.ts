import { expect, it } from "vitest";
import type { JsonObject, Session } from "../../../server/src/domain/model.js";
import type { SessionFilter } from "../../../server/src/domain/storage.js";
import { newUuid } from "../../../server/src/domain/uuid.js";
import { stopClock } from "./fixed-clock.js";
import { createSession, WIDE } from "./samples.js";
import type { StorageSuite } from "./storage-suite.js";

/** Metadata of sessions, each of which differs a little from its neighbour, by title. */
const METADATA: Readonly<Record<string, JsonObject>> = {
  number: { v: 1 },
  text: { v: "1" },
  boolean: { v: true },
  truth: { v: "true" },
  nothing: { v: null },
  nullText: { v: "null" },
  zero: { v: 0 },
  empty: { v: "" },
  upper: { V: 1 },
  spaced: { v: "1 " },
  emoji: { v: "😀" },
  quotes: { 'it\'s "v"': "\\'; --" },
  none: {},
  nested: { v: { v: 1 } },
  list: { v: [1] },
};

/** What is asked for, and the titles of what must be found. */
const QUESTIONS: readonly (readonly [JsonObject, readonly string[]])[] = [
  [{ v: 1 }, ["number"]],
  [{ v: 1.0 }, ["number"]],
  [{ v: "1" }, ["text"]],
  [{ v: true }, ["boolean"]],
  [{ v: "true" }, ["truth"]],
  [{ v: null }, ["nothing"]],
  [{ v: "null" }, ["nullText"]],
  [{ v: 0 }, ["zero"]],
  [{ v: -0 }, ["zero"]],
  [{ v: false }, []],
  [{ v: "" }, ["empty"]],
  [{ V: 1 }, ["upper"]],
  [{ v: "1 " }, ["spaced"]],
  [{ v: "😀" }, ["emoji"]],
  [{ 'it\'s "v"': "\\'; --" }, ["quotes"]],
  [{ v: 1, V: 1 }, []],
];

/** Tests the filters of SessionStorage.list. */
export function testSessionFilters(suite: StorageSuite): void {
  async function titles(tenantId: string, filter: SessionFilter): Promise<readonly string[]> {
    const { items } = await suite.storage.sessions.list(tenantId, filter, undefined, WIDE);
    return items.map(({ title }) => title).sort();
  }

  /** Gives the titles of the sessions in their order, page by page. */
  async function walk(tenantId: string, filter: SessionFilter): Promise<readonly string[]> {
    const { sessions } = suite.storage;
    const found: Session[] = [];
    for (;;) {
      const page = await sessions.list(tenantId, filter, found.at(-1), { ...WIDE, maxItems: 70 });
      found.push(...page.items);
      if (!page.hasMore) return found.map(({ title }) => title);
    }
  }

  it("finds metadata by key, value and type", async () => {
    const tenantId = newUuid();
    for (const [title, metadata] of Object.entries(METADATA)) {
      await createSession(suite.storage, { tenantId, title, metadata });
    }

    const answers: (readonly [JsonObject, readonly string[]])[] = [];
    for (const [metadata] of QUESTIONS) {
      answers.push([metadata, await titles(tenantId, { metadata })]);
    }

    expect(answers).toEqual(QUESTIONS);
  });

  it("requires all of the metadata that is asked for", async () => {
    const tenantId = newUuid();
    await createSession(suite.storage, { tenantId, title: "both", metadata: { a: 1, b: "x" } });
    await createSession(suite.storage, { tenantId, title: "one", metadata: { a: 1, b: "y" } });

    expect(await titles(tenantId, { metadata: { a: 1, b: "x" } })).toEqual(["both"]);
    expect(await titles(tenantId, { metadata: { a: 1 } })).toEqual(["both", "one"]);
  });

  it("finds metadata as an update left it", async () => {
    const metadata = { a: 1, b: 1 };
    const ref = await createSession(suite.storage, { title: "t", metadata });
    await suite.storage.sessions.update(ref, { metadata: () => ({ a: 2, c: true }) });

    const found = (asked: JsonObject) => titles(ref.tenantId, { metadata: asked });

    expect(await found({ a: 1 })).toEqual([]);
    expect(await found({ b: 1 })).toEqual([]);
    expect(await found({ a: 2, c: true })).toEqual(["t"]);
  });

  it("finds a session by each of very many metadata", async () => {
    const entries = Array.from({ length: 1_200 }, (_, index) => [`key ${index}`, index] as const);
    const metadata = Object.fromEntries(entries);
    const { tenantId } = await createSession(suite.storage, { title: "t", metadata });

    expect(await titles(tenantId, { metadata: { "key 0": 0, "key 1199": 1199 } })).toEqual(["t"]);
  });

  it("walks through the pages of few sessions that have metadata as of very many", async () => {
    const tenantId = newUuid();
    const indexes = Array.from({ length: 600 }, (_, index) => index);
    await Promise.all(
      indexes.map((index) =>
        createSession(suite.storage, {
          tenantId,
          title: String(index),
          metadata: { common: true, rest: index % 3 },
        }),
      ),
    );
    const listed = await walk(tenantId, {});
    const thirds = listed.filter((title) => Number(title) % 3 === 1);

    expect(listed.toSorted((a, b) => Number(a) - Number(b))).toEqual(indexes.map(String));
    expect(await walk(tenantId, { metadata: { common: true } })).toEqual(listed);
    expect(await walk(tenantId, { metadata: { rest: 1 } })).toEqual(thirds);
    expect(await walk(tenantId, { metadata: { common: true, rest: 1 } })).toEqual(thirds);
  });

  it("finds by user, by agent and by both", async () => {
    const [tenantId, userId, agentId] = [newUuid(), newUuid(), newUuid()];
    await createSession(suite.storage, { tenantId, title: "user", userId });
    await createSession(suite.storage, { tenantId, title: "agent", agentId });
    await createSession(suite.storage, { tenantId, title: "both", userId, agentId });
    await createSession(suite.storage, { tenantId, title: "swapped", userId: agentId });

    expect(await titles(tenantId, { userId })).toEqual(["both", "user"]);
    expect(await titles(tenantId, { agentId })).toEqual(["agent", "both"]);
    expect(await titles(tenantId, { userId, agentId })).toEqual(["both"]);
    expect(await titles(newUuid(), { userId })).toEqual([]);
  });

  it("finds by the time of the last change, its beginning included and its end not", async () => {
    const tenantId = newUuid();
    const times = ["00.000", "00.001", "00.002", "01.000"].map(
      (seconds) => new Date(`2026-03-01T23:59:${seconds}Z`),
    );
    const move = stopClock(new Date(0));
    for (const time of times) {
      move(time);
      await createSession(suite.storage, { tenantId, title: time.toISOString().slice(17, 23) });
    }
    const [, updatedAfter, , updatedBefore] = times;

    expect(await titles(tenantId, { updatedAfter })).toEqual(["00.001", "00.002", "01.000"]);
    expect(await titles(tenantId, { updatedBefore })).toEqual(["00.000", "00.001", "00.002"]);
    const both = await titles(tenantId, { updatedAfter, updatedBefore });
    expect(both).toEqual(["00.001", "00.002"]);
  });

  it("pages through what a filter finds", async () => {
    const [tenantId, userId] = [newUuid(), newUuid()];
    for (let index = 0; index < 4; index++) {
      await createSession(suite.storage, { tenantId, userId, metadata: { a: 1 } });
      await createSession(suite.storage, { tenantId, userId, metadata: { a: 2 } });
    }
    const filter = { userId, metadata: { a: 1 } };
    const { sessions } = suite.storage;

    const first = await sessions.list(tenantId, filter, undefined, { ...WIDE, maxItems: 3 });
    const last = await sessions.list(tenantId, filter, first.items[2], { ...WIDE, maxItems: 3 });

    expect(first).toMatchObject({ items: { length: 3 }, hasMore: true });
    expect(last).toMatchObject({ items: { length: 1 }, hasMore: false });
    expect(new Set([...first.items, ...last.items].map(({ id }) => id)).size).toBe(4);
  });
}
