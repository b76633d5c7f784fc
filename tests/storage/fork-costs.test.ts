import { expect, it, onTestFinished, vi } from "vitest";
import type { MessageRange, SessionRef } from "../../server/src/domain/storage.js";
import { TypeOrmMessageStorage } from "../../server/src/storage/message-storage.js";
import { migrateSchema } from "../../server/src/storage/migrate.js";
import { openDatabase } from "../../server/src/storage/open.js";
import { TypeOrmSessionStorage } from "../../server/src/storage/session-storage.js";
import { describeDatabases } from "../support/databases.js";
import {
  appendOf,
  createSession,
  EVERYTHING,
  forkOf,
  newMessage,
  newMessages,
} from "./contract/samples.js";

const GENERATIONS = 60;

/** How often a session is forked and edited before it is deleted. */
const ROUNDS = 200;

const PAGE = { maxItems: 50, maxBytes: 1024 * 1024 };

/** What a read takes at most that has to do with one layer: itself, its beginning and end. */
const FEW = 8;

function texts(count: number): readonly string[] {
  return Array.from({ length: count }, (_, n) => `message ${n}`);
}

describeDatabases("the cost of a fork", (kind) => {
  /** Opens storages on an empty database, and something that counts their statements. */
  async function open() {
    const database = await openDatabase(await kind.create(), 2);
    onTestFinished(() => database.close());
    await migrateSchema(database);
    const sessions = new TypeOrmSessionStorage(database);
    const messages = new TypeOrmMessageStorage(database, 4);
    const { dialect } = database;
    const run = vi.spyOn(dialect, "run");
    const runRaw = vi.spyOn(dialect.rawRows, "run");
    const runs = [run, runRaw];
    for (const spy of runs) onTestFinished(() => spy.mockRestore());
    const statements = async (work: () => Promise<unknown>): Promise<readonly string[]> => {
      for (const spy of runs) spy.mockClear();
      await work();
      const raw = runRaw.mock.calls.map(([, [sql]]) => sql);
      return [...run.mock.calls.map(([, sql]) => sql), ...raw];
    };
    const fork = async (ref: SessionRef, at?: number): Promise<SessionRef> => {
      const request = forkOf(ref, at);
      await sessions.fork(ref, request);
      return { tenantId: ref.tenantId, sessionId: request.id };
    };
    const begin = async (count: number): Promise<SessionRef> => {
      const ref = await createSession({ sessions });
      await messages.append(ref, appendOf(...newMessages(texts(count))));
      return ref;
    };
    return { database, sessions, messages, statements, fork, begin };
  }

  it("is the same for a long history as for none, and copies no message", async () => {
    const { database, statements, fork, begin } = await open();
    const short = await begin(1);
    const long = await begin(1_000);

    const few = await statements(() => fork(short));
    const many = await statements(() => fork(long));

    expect(many).toEqual(few);
    const sql = "SELECT COUNT(*) AS count FROM messages";
    const { rows } = await database.read(({ query }) => query(sql, []));
    expect(Number(rows[0]?.count)).toBe(1_001);
  });

  it("is that of what a page touches, however long a chain of forks is", async () => {
    const { messages, statements, fork, begin } = await open();
    let ref = await begin(5);
    for (let n = 1; n < GENERATIONS; n++) {
      ref = await fork(ref);
      await messages.append(ref, appendOf(...newMessages(texts(5))));
    }
    const head = 5 * GENERATIONS;
    const layers = 50 / 5;

    for (const upToSequence of [50, head / 2, head]) {
      for (const order of ["ascending", "descending"] as const) {
        const range = { afterSequence: upToSequence - 50, upToSequence, order };
        const page = await messages.read(ref, range, PAGE);
        const read = await statements(() => messages.read(ref, range, PAGE));
        const found = await statements(() => messages.get(ref, page.items[0]?.id ?? ""));

        expect(page.items).toHaveLength(50);
        expect(read.length).toBeLessThanOrEqual(2 * layers + FEW);
        expect(found.length).toBeLessThanOrEqual(FEW);
      }
    }
  });

  it("is not more for a session that was forked and edited often", async () => {
    const { messages, statements, fork, begin } = await open();
    const ref = await begin(3 * GENERATIONS);
    await messages.append(ref, appendOf(newMessage({ role: "system" })));
    const { items } = await messages.read(ref, EVERYTHING, { ...PAGE, maxItems: 1_000 });
    for (let n = 0; n < GENERATIONS; n++) {
      await fork(ref);
      await messages.update(ref, items[3 * n]?.id ?? "", { content: "edited" }, undefined);
    }
    const forked = await fork(ref);

    for (const session of [ref, forked]) {
      const kept = await statements(() => messages.readKept(session, EVERYTHING, PAGE));
      expect(kept.length).toBeLessThanOrEqual(2 * 2 + FEW);
      const range = { ...EVERYTHING, afterSequence: 90 };
      const page = await messages.read(session, range, { ...PAGE, maxItems: 9 });
      const read = await statements(() => messages.read(session, range, { ...PAGE, maxItems: 9 }));

      expect(page.items.filter(({ content }) => content === "edited")).toHaveLength(3);
      expect(read.length).toBeLessThanOrEqual(2 * 5 + FEW);
    }
  });

  it("is small beside that of the forks when a session is deleted that was edited after each", async () => {
    const { sessions, messages, fork, begin } = await open();
    const ref = await begin(200);
    const { items } = await messages.read(ref, EVERYTHING, { ...PAGE, maxItems: 4 });
    const forks: SessionRef[] = [];
    const startedAt = performance.now();
    for (let round = 0; round < ROUNDS; round++) {
      forks.push(await fork(ref));
      for (const { id } of items) {
        await messages.update(ref, id, { content: `edited ${round}` }, undefined);
      }
    }

    const deletedAt = performance.now();
    await sessions.delete(ref);
    const took = performance.now() - deletedAt;

    expect(took).toBeLessThan((deletedAt - startedAt) / 4);
    const page = await messages.read(forks.at(-1) ?? ref, EVERYTHING, { ...PAGE, maxItems: 4 });
    expect(page.items.map(({ content }) => content)).toEqual(Array(4).fill("edited 198"));
  });

  it("is no statement for each message of a page of one role", async () => {
    const { sessions, messages, statements, fork } = await open();
    const ref = await createSession({ sessions });
    const turns = texts(60).flatMap((content) => [
      newMessage({ role: "user", content }),
      newMessage({ role: "assistant", content }),
    ]);
    await messages.append(ref, appendOf(...turns));
    const forked = await fork(ref);
    const range: MessageRange = { ...EVERYTHING, roles: ["user"] };

    const page = await messages.read(forked, range, PAGE);
    const read = await statements(() => messages.read(forked, range, PAGE));

    expect(page.items.map(({ role }) => role)).toEqual(Array(50).fill("user"));
    expect(read.length).toBeLessThanOrEqual(FEW + 2);
  });

  it("is one statement more for each message that is appended to it", async () => {
    const { messages, statements, fork, begin } = await open();
    const ref = await fork(await begin(5));
    const append = appendOf(...newMessages(texts(20)));

    const appended = await statements(() => messages.append(ref, append));

    expect(appended.length).toBeLessThanOrEqual(20 + FEW);
  });
});
