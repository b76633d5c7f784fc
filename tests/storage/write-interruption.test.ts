import { expect, it, onTestFinished } from "vitest";
import type { Database } from "../../server/src/storage/database.js";
import { migrateSchema } from "../../server/src/storage/migrate.js";
import { openDatabase } from "../../server/src/storage/open.js";
import { TypeOrmSessionStorage } from "../../server/src/storage/session-storage.js";
import { interruptMessages } from "../../server/src/storage/write-interruption.js";
import { TypeOrmWriteStorage } from "../../server/src/storage/write-storage.js";
import { describeDatabases } from "../support/databases.js";
import { LONG_LEASE_MS, newSession, newWrite } from "./contract/samples.js";

async function openForTest(url: string): Promise<Database> {
  const database = await openDatabase(url, 2);
  onTestFinished(() => database.close());
  await migrateSchema(database);
  return database;
}

/** Begins messages of a new session whose leases have run out. */
async function beginExpired(
  database: Database,
  { count = 1, leaseMs = 0 }: { readonly count?: number; readonly leaseMs?: number } = {},
) {
  const writes = new TypeOrmWriteStorage(database, 1_000);
  const session = newSession();
  await new TypeOrmSessionStorage(database).create(session);
  const ref = { tenantId: session.tenantId, sessionId: session.id };
  for (let sequence = 1; sequence < count; sequence += 1)
    await writes.start(ref, { ...newWrite(), leaseMs });
  const write = { ...newWrite(), leaseMs };
  const { message, epoch = 0 } = await writes.start(ref, write);
  const { id: messageId, sequence } = message;
  return { database, writes, write, ref: { ...ref, messageId, sequence, epoch } };
}

async function prepare() {
  return beginExpired(await openForTest("memory:"));
}

it.each(["renew", "start"] as const)(
  "leaves a message alone that goes on by a %s after its lease was seen to have run out",
  async (how) => {
    const { database, writes, write, ref } = await prepare();
    // It looks for leases first, and then its transaction comes after the writer's.
    const interrupting = interruptMessages(database, { onlyExpired: true });
    const goingOn =
      how === "renew"
        ? writes.renew(ref, LONG_LEASE_MS)
        : writes.start(ref, { ...write, leaseMs: LONG_LEASE_MS });

    await goingOn;

    expect(await interrupting).toEqual([]);
  },
);

it("goes past a session that is deleted after a lease was seen to have run out", async () => {
  const { database, ref } = await prepare();
  const interrupting = interruptMessages(database, { onlyExpired: true });
  const deleting = new TypeOrmSessionStorage(database).delete(ref);

  await deleting;

  expect(await interrupting).toEqual([]);
});

it("interrupts the others where some cannot be, however many, and tells only if none can", async () => {
  const database = await openForTest("memory:");
  const { ref: stuck } = await beginExpired(database, { count: 150, leaseMs: -1_000 });
  const { ref: other } = await beginExpired(database);
  await database.read((connection) =>
    connection.query(
      `CREATE TRIGGER refusal BEFORE UPDATE ON messages WHEN NEW.session_id = '${stuck.sessionId}' BEGIN SELECT RAISE(ABORT, 'refused'); END`,
      [],
    ),
  );

  const first = interruptMessages(database, { onlyExpired: true });

  expect(await first).toEqual([other.sessionId]);
  await expect(interruptMessages(database, { onlyExpired: true })).rejects.toThrow("refused");
});

describeDatabases(
  "a session that another server has locked",
  ({ create }) => {
    it("holds up no interruption in another session, and is seen to later", async () => {
      const url = await create();
      const database = await openForTest(url);
      const { ref: held } = await beginExpired(database, { leaseMs: -1_000 });
      const { ref: other } = await beginExpired(database);
      const server = await openDatabase(url, 1);
      onTestFinished(() => server.close());
      let first: readonly string[] = [];
      await server.transaction(async (connection) => {
        await connection.query("SELECT id FROM sessions WHERE id = ? FOR UPDATE", [held.sessionId]);
        first = await interruptMessages(database, { onlyExpired: true });
      });

      expect(first).toEqual([other.sessionId]);
      expect(await interruptMessages(database, { onlyExpired: true })).toEqual([held.sessionId]);
    });
  },
  ["postgres", "mariadb"],
);
