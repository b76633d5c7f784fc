import { expect, it, onTestFinished } from "vitest";
import { ChangePages } from "../../server/src/storage/change-pages.js";
import { recordMessageChange } from "../../server/src/storage/change-rows.js";
import type { Connection } from "../../server/src/storage/database.js";
import { toMessageRow } from "../../server/src/storage/message-row.js";
import { MessageRows } from "../../server/src/storage/message-rows.js";
import { migrateSchema } from "../../server/src/storage/migrate.js";
import { openDatabase } from "../../server/src/storage/open.js";
import { ALL_CHANGES, newMessage } from "./contract/samples.js";

const SESSION = "0198f000-0000-7000-8000-000000000001";

function placeOf(sequence: number) {
  return { sessionId: SESSION, sequence };
}

/** Lets another writer change a message again right after the changes of a page were listed. */
function changingAfterList(connection: Connection, sequence: number): Connection {
  let isChanged = false;
  return {
    ...connection,
    async query(sql, parameters) {
      const result = await connection.query(sql, parameters);
      if (!isChanged && sql.includes("FROM agent_state")) {
        isChanged = true;
        await recordMessageChange(connection, SESSION, placeOf(sequence), 9);
      }
      return result;
    },
  };
}

it("goes on where all that fits a page changes again while it is read", async () => {
  const database = await openDatabase("memory:", 1);
  onTestFinished(() => database.close());
  await migrateSchema(database);
  const pages = new ChangePages(database);
  const range = { ...ALL_CHANGES, upToRevision: 4 };

  const page = await database.transaction(async (connection) => {
    const place = { sessionId: SESSION, revision: 2, time: new Date() };
    const rows = [1, 2].map((sequence) => toMessageRow(newMessage(), { ...place, sequence }));
    await new MessageRows(database).insert(connection, rows);
    await recordMessageChange(connection, SESSION, placeOf(1), 3);
    await recordMessageChange(connection, SESSION, placeOf(2), 4);
    return pages.read(changingAfterList(connection, 1), SESSION, range, 1);
  });

  expect(page).toMatchObject({
    items: [{ revision: 4, message: { sequence: 2 } }],
    hasMore: false,
  });
});
