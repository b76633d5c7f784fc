import { expect, it, onTestFinished } from "vitest";
import type { Database } from "../../server/src/storage/database.js";
import { migrateSchema } from "../../server/src/storage/migrate.js";
import { openDatabase } from "../../server/src/storage/open.js";
import { TypeOrmSessionStorage } from "../../server/src/storage/session-storage.js";
import { interruptMessages } from "../../server/src/storage/write-interruption.js";
import { TypeOrmWriteStorage } from "../../server/src/storage/write-storage.js";
import { LONG_LEASE_MS, newSession, newWrite } from "./contract/samples.js";

async function openForTest(): Promise<Database> {
  const database = await openDatabase("memory:", 1);
  onTestFinished(() => database.close());
  await migrateSchema(database);
  return database;
}

/** Begins a message whose lease runs out at once. */
async function prepare() {
  const database = await openForTest();
  const writes = new TypeOrmWriteStorage(database, 1_000);
  const session = newSession();
  await new TypeOrmSessionStorage(database).create(session);
  const ref = { tenantId: session.tenantId, sessionId: session.id };
  const write = { ...newWrite(), leaseMs: 0 };
  const { message, epoch = 0 } = await writes.start(ref, write);
  const { id: messageId, sequence } = message;
  return { database, writes, write, ref: { ...ref, messageId, sequence, epoch } };
}

/** Holds a session's lock until it is told to let go. */
function holdLock(database: Database, sessionId: string): () => void {
  let letGo: () => void = () => {};
  const end = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  void database.lockingTransaction(sessionId, () => end);
  return letGo;
}

it.each(["renew", "start"] as const)(
  "leaves a message alone that goes on by a %s after its lease was seen to have run out",
  async (how) => {
    const { database, writes, write, ref } = await prepare();
    const letGo = holdLock(database, ref.sessionId);
    const goingOn =
      how === "renew"
        ? writes.renew(ref, LONG_LEASE_MS)
        : writes.start(ref, { ...write, leaseMs: LONG_LEASE_MS });
    // It looks for leases as soon as the lock is free, and gets the lock after the writer.
    const interrupting = interruptMessages(database, { onlyExpired: true });

    letGo();

    await goingOn;
    expect(await interrupting).toEqual([]);
  },
);

it("goes past a session that is deleted after a lease was seen to have run out", async () => {
  const { database, ref } = await prepare();
  const letGo = holdLock(database, ref.sessionId);
  const deleting = new TypeOrmSessionStorage(database).delete(ref);
  const interrupting = interruptMessages(database, { onlyExpired: true });

  letGo();

  await deleting;
  expect(await interrupting).toEqual([]);
});
