import { expect, it, onTestFinished } from "vitest";
import type { Connection } from "../../server/src/storage/database.js";
import { toMessageRow } from "../../server/src/storage/message-row.js";
import { MessageRows } from "../../server/src/storage/message-rows.js";
import { migrateSchema } from "../../server/src/storage/migrate.js";
import { openDatabase } from "../../server/src/storage/open.js";
import { newMessage } from "./contract/samples.js";

const SESSION = "0198f000-0000-7000-8000-000000000001";

/** Lets another writer delete a message right after the sizes of a page were read. */
function deletingAfterSizes(connection: Connection, sequence: number): Connection {
  let isDeleted = false;
  return {
    ...connection,
    async query(sql, parameters) {
      const result = await connection.query(sql, parameters);
      if (!isDeleted && sql.startsWith("SELECT sequence, bytes")) {
        isDeleted = true;
        const tombstone = "UPDATE messages SET deleted_at = updated_at WHERE sequence = ?";
        await connection.query(tombstone, [sequence]);
      }
      return result;
    },
  };
}

it.each([
  ["ascending", 1, [2]],
  ["descending", 3, [2]],
] as const)(
  "goes on %s where all that fits a page is deleted while it is read",
  async (order, deleted, rest) => {
    const database = await openDatabase("memory:", 1);
    onTestFinished(() => database.close());
    await migrateSchema(database);
    const rows = new MessageRows(database);
    const range = { afterSequence: 0, upToSequence: 3, order };
    const bounds = { maxItems: 10, maxBytes: 500, largestBytes: 300 };

    const page = await database.transaction(async (connection) => {
      const place = { sessionId: SESSION, revision: 2, time: new Date() };
      const messages = [1, 2, 3].map((sequence) => {
        return toMessageRow({ ...newMessage(), bytes: 300 }, { ...place, sequence });
      });
      await rows.insert(connection, messages);
      return rows.read(deletingAfterSizes(connection, deleted), SESSION, range, bounds);
    });

    expect(page.rows.map(({ sequence }) => sequence)).toEqual(rest);
    expect(page.hasMore).toBe(true);
  },
);
