import { expect, it, onTestFinished } from "vitest";
import type { SessionRef, Storage } from "../../server/src/domain/storage.js";
import { openDatabase } from "../../server/src/storage/open.js";
import { chosenKinds } from "../support/database-kinds.js";
import { describeDatabases, type TestDatabase } from "../support/databases.js";
import { deferred } from "../support/deferred.js";
import { appendOf, createSession, newMessage, newMessages } from "./contract/samples.js";
import { openForTest } from "./contract/storage-suite.js";

/** More than the connections of a storage in tests. */
const MANY = 12;

/** Opens a storage with sessions of one message each, of which another server holds some. */
async function openHeld(database: TestDatabase, heldCount: number) {
  const url = await database.create();
  const storage = await openForTest(url);
  const refs = await createAll(storage, heldCount + 2);
  const held = refs.slice(0, heldCount);
  const other = await openDatabase(url, 1);
  onTestFinished(() => other.close());
  const [isHeld, letGo] = [deferred<void>(), deferred<void>()];
  const holding = other.transaction(async ({ query }) => {
    for (const { sessionId } of held) {
      await query("SELECT id FROM sessions WHERE id = ? FOR UPDATE", [sessionId]);
    }
    isHeld.resolve();
    // The database ends a transaction that does nothing for five seconds.
    const working = setInterval(() => void query("SELECT 1", []), 1_000);
    await letGo.promise;
    clearInterval(working);
  });
  await isHeld.promise;
  const end = async () => {
    letGo.resolve();
    await holding;
  };
  return { storage, held, free: refs.slice(heldCount), end };
}

async function createAll(storage: Storage, count: number): Promise<readonly SessionRef[]> {
  const refs: SessionRef[] = [];
  for (let index = 0; index < count; index++) {
    const ref = await createSession(storage);
    await storage.messages.append(ref, appendOf(newMessage()));
    refs.push(ref);
  }
  return refs;
}

const SHARED_KINDS = chosenKinds().filter((kind) => kind !== "memory" && kind !== "sqlite");

describeDatabases(
  "sessions that another server holds",
  (database) => {
    it.each([
      [1, MANY],
      [MANY, 2],
    ])(
      "keep no append to another one waiting, and their order: %i with %i appends each",
      async (count, appends) => {
        const { storage, held, free, end } = await openHeld(database, count);
        const settled: string[] = [];
        const append = async (ref: SessionRef, name: string) => {
          const { headSequence } = await storage.messages.append(ref, appendOf(newMessage()));
          settled.push(name);
          return headSequence;
        };

        const each = Array.from({ length: appends }, (_, index) => index);
        const waiting = held.flatMap((ref) => each.map(() => append(ref, "held")));
        const others = await Promise.all(free.map((ref) => append(ref, "free")));

        expect(others).toEqual([2, 2]);
        expect(settled).toEqual(["free", "free"]);
        await end();
        expect(await Promise.all(waiting)).toEqual(
          held.flatMap(() => each.map((index) => 2 + index)),
        );
      },
    );

    it("keep no repeated append to another one waiting, however long it is", async () => {
      const { storage, free, held, end } = await openHeld(database, MANY);
      const [ref] = free;
      if (ref === undefined) throw new Error("there is one");
      const long = appendOf(...newMessages(Array.from({ length: 100 }, String)));
      await storage.messages.append(ref, long);

      const waiting = held.map((to) => storage.messages.append(to, appendOf(newMessage())));
      const startedAt = performance.now();
      const repeated = await storage.messages.append(ref, long);
      const next = await storage.messages.append(ref, appendOf(newMessage()));

      expect([repeated.isRepeated, next.headSequence]).toEqual([true, 102]);
      expect(performance.now() - startedAt).toBeLessThan(4_000);
      await end();
      await Promise.all(waiting);
    });

    it("let those that wait for a connection to wait with be tried again before long", async () => {
      const { storage, held, end } = await openHeld(database, MANY);
      const startedAt = performance.now();

      const refused = await Promise.any(
        held.map(async (ref) => {
          const appended = storage.messages.append(ref, appendOf(newMessage()));
          return appended.then(
            () => Promise.reject(new Error("it was held")),
            (error: { readonly code: string }) => error.code,
          );
        }),
      );

      expect(refused).toBe("unavailable");
      expect(performance.now() - startedAt).toBeLessThan(8_000);
      await end();
    }, 20_000);

    it("keep none waiting either where the database refuses an append of the same group", async () => {
      const { storage, held, free, end } = await openHeld(database, 1);
      const [ref, bad] = free;
      if (ref === undefined || bad === undefined) throw new Error("there are two");
      // Longer than its column.
      const role = "x".repeat(30) as "user";
      const settled: string[] = [];
      const append = async (to: SessionRef, ...messages: ReturnType<typeof newMessage>[]) => {
        const { headSequence } = await storage.messages.append(to, appendOf(...messages));
        settled.push(to === ref ? "free" : "held");
        return headSequence;
      };

      const waiting = held.flatMap((to) => [append(to, newMessage()), append(to, newMessage())]);
      const refused = append(bad, { ...newMessage(), role });
      const appended = append(ref, newMessage());

      await expect(refused).rejects.toThrow();
      expect(await appended).toBe(2);
      expect(settled).toEqual(["free"]);
      await end();
      expect(await Promise.all(waiting)).toEqual([2, 3]);
    });
  },
  SHARED_KINDS,
);

describeDatabases(
  "a long append that is repeated",
  (database) => {
    it("keeps none to another session waiting", async () => {
      const storage = await openForTest(await database.create());
      const [ref, other] = await createAll(storage, 2);
      if (ref === undefined || other === undefined) throw new Error("there are two");
      const append = appendOf(...newMessages(Array.from({ length: 100 }, String)));
      await storage.messages.append(ref, append);
      const settled: string[] = [];

      const repeated = storage.messages.append(ref, append).then((appended) => {
        settled.push("repeated");
        return appended;
      });
      const appended = storage.messages.append(other, appendOf(newMessage())).then(() => {
        settled.push("other");
      });
      await Promise.all([repeated, appended]);

      expect(settled).toEqual(["other", "repeated"]);
      expect(await repeated).toMatchObject({ isRepeated: true, headSequence: 101 });
    });
  },
  SHARED_KINDS,
);
