import { expect, it, onTestFinished } from "vitest";
import { SILENT_DOORBELL } from "../../server/src/domain/doorbell.js";
import { SILENT_LOGGER } from "../../server/src/domain/log.js";
import { openDatabase, openStorage } from "../../server/src/storage/open.js";
import { describeDatabases } from "../support/databases.js";
import { deferred } from "../support/deferred.js";
import { appendOf, createSession, newMessage } from "./contract/samples.js";

const CONNECTIONS = 2;

describeDatabases(
  "a session whose row another server holds",
  (database) => {
    it("keeps no call to another session waiting", async () => {
      const url = await database.create();
      const storage = await openStorage(url, {
        migrate: true,
        poolSize: CONNECTIONS,
        keepVersions: 1,
        maxRequestBytes: 1,
        databaseNotify: true,
        doorbell: SILENT_DOORBELL,
        logger: SILENT_LOGGER,
      });
      onTestFinished(() => storage.close());
      const held = await createSession(storage);
      const other = await createSession(storage);
      const server = await openDatabase(url, 1);
      onTestFinished(() => server.close());
      const [locked, letGo] = [deferred<void>(), deferred<void>()];
      const holding = server.transaction(async (connection) => {
        const lock = "SELECT id FROM sessions WHERE id = ? FOR UPDATE";
        await connection.query(lock, [held.sessionId]);
        locked.resolve();
        await letGo.promise;
      });
      await locked.promise;

      const waiting = Array.from({ length: 2 * CONNECTIONS }, () =>
        storage.messages.append(held, appendOf(newMessage())),
      );
      const appended = await storage.messages.append(other, appendOf(newMessage()));
      letGo.resolve();
      await holding;
      const sequences = (await Promise.all(waiting)).map(({ headSequence }) => headSequence);

      expect(appended.headSequence).toBe(1);
      expect(sequences).toEqual([1, 2, 3, 4]);
    });
  },
  ["postgres", "mariadb"],
);
