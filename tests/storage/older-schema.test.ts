import { expect, it, onTestFinished } from "vitest";
import type { Connection, Database } from "../../server/src/storage/database.js";
import type { MessageRow, SessionRow } from "../../server/src/storage/entities.js";
import { migrateSchema } from "../../server/src/storage/migrate.js";
import { initialMigration } from "../../server/src/storage/migrations/0001-initial.js";
import { openDatabase } from "../../server/src/storage/open.js";
import { Table } from "../../server/src/storage/table.js";
import { describeDatabases } from "../support/databases.js";
import { runCommand, startServerProcess } from "../support/server-process.js";
import { connectForTest } from "../support/test-server.js";
import {
  ALL_CHANGES,
  appendOf,
  EVERYTHING,
  newMessage,
  newSession,
  startWrite,
  WIDE,
} from "./contract/samples.js";
import { openForTest } from "./contract/storage-suite.js";

const TIME = new Date("2026-01-02T03:04:05.678Z");

const SESSION = newSession({ tenantId: "00000000-0000-0000-0000-000000000000", key: "k" });
const REF = { tenantId: SESSION.tenantId, sessionId: SESSION.id };
const MESSAGE = newMessage({ content: "kept 😀" });

/** Gives a database the schema of the first version, with a session and a message in it. */
async function fillOlder(url: string): Promise<void> {
  const database = await openDatabase(url, 1, [initialMigration]);
  try {
    await migrateSchema(database);
    await insertOlder(database);
  } finally {
    await database.close();
  }
}

/** Inserts rows as the first version did. */
function insertOlder(database: Database): Promise<void> {
  const sessions = new Table<SessionRow>(database.describe(database.entities.session));
  const time = sessions.toParameter("createdAt", TIME);
  const messages = new Table<MessageRow>(database.describe(database.entities.message));
  const times = { created_at: time, updated_at: time };
  return database.transaction(async (connection) => {
    await insert(connection, "sessions", {
      ...times,
      id: SESSION.id,
      tenant_id: SESSION.tenantId,
      session_key: SESSION.key,
      title: "kept",
      metadata: "{}",
      head_sequence: 1,
      message_count: 1,
      revision: 2,
      version: 1,
      largest_message_bytes: MESSAGE.bytes,
      bytes: 4,
      request_hash: Buffer.from(SESSION.requestHash),
    });
    await insert(connection, "messages", {
      ...times,
      session_id: SESSION.id,
      sequence: 1,
      id: MESSAGE.id,
      role: MESSAGE.role,
      status: "complete",
      bytes: MESSAGE.bytes,
      version: 1,
      revision: 2,
      request_hash: Buffer.from(MESSAGE.requestHash),
      pinned: messages.toParameter("pinned", false),
      content: MESSAGE.content,
    });
  });
}

async function insert(
  { query }: Connection,
  table: string,
  row: Readonly<Record<string, unknown>>,
): Promise<void> {
  const placeholders = Object.keys(row).map(() => "?");
  const sql = `INSERT INTO ${table} (${Object.keys(row).join(", ")}) VALUES (${placeholders.join(", ")})`;
  await query(sql, Object.values(row));
}

describeDatabases(
  "a database of the first schema",
  ({ create }) => {
    it("is migrated with what is in it, and does what it could not", async () => {
      const url = await create();
      await fillOlder(url);

      const storage = await openForTest(url);

      expect(storage.schemaVersion).toBe(5);
      const session = await storage.sessions.getByKey(REF.tenantId, "k");
      const kept = { title: "kept", headSequence: 1, messageCount: 1, revision: 2, version: 1 };
      expect(session).toMatchObject({ id: SESSION.id, ...kept, createdAt: TIME, updatedAt: TIME });
      const { items } = await storage.messages.read(REF, EVERYTHING, WIDE);
      expect(items).toMatchObject([{ id: MESSAGE.id, content: "kept 😀", createdAt: TIME }]);
      expect(await storage.messages.append(REF, appendOf(MESSAGE))).toMatchObject({
        isRepeated: true,
      });
      expect((await storage.changes.read(REF, ALL_CHANGES, 10)).items).toEqual([]);
      const edited = await storage.messages.update(REF, MESSAGE.id, { content: "x" }, 1);
      const change = { type: "message_updated", revision: 3, message: edited };
      expect((await storage.changes.read(REF, ALL_CHANGES, 10)).items).toEqual([change]);
      expect((await startWrite(storage, REF)).started).toMatchObject({ headSequence: 2 });
    });

    it("is refused by a server that may not migrate it, and left as it is", async () => {
      const url = await create();
      await fillOlder(url);

      const { code, stderr } = await runCommand(["serve", "--database", url, "--no-migrate"]);

      expect(code).toBe(1);
      expect(stderr).toMatch(/^mofa-state: [^\n]+ run mofa-state migrate[^\n]*\n$/);
      const older = await openDatabase(url, 1, [initialMigration]);
      onTestFinished(() => older.close());
      expect(await migrateSchema(older)).toEqual({ applied: 0, schemaVersion: 1 });
    });

    it("is migrated once where servers start on it at the same time", async () => {
      const url = await create();
      await fillOlder(url);

      const servers = await Promise.all(Array.from({ length: 3 }, () => startServerProcess(url)));

      const states = await Promise.all(servers.map(({ address }) => connectForTest(address)));
      for (const state of states) {
        expect((await state.status()).schemaVersion).toBe(5);
        expect((await state.sessions.get({ key: "k" })).info.title).toBe("kept");
      }
    });
  },
  ["sqlite", "postgres", "mariadb", "mysql"],
);
