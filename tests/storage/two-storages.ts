import { onTestFinished } from "vitest";
import { SILENT_DOORBELL } from "../../server/src/domain/doorbell.js";
import { SILENT_LOGGER } from "../../server/src/domain/log.js";
import type { Storage } from "../../server/src/domain/storage.js";
import { openStorage } from "../../server/src/storage/open.js";
import type { TestDatabase } from "../support/databases.js";

/** Opens the storages of two servers on one database, which do not notify each other. */
export async function openTwo(
  database: TestDatabase,
): Promise<{ readonly ours: Storage; readonly theirs: Storage }> {
  const url = await database.create();
  const open = async () => {
    const storage = await openStorage(url, {
      migrate: true,
      poolSize: 4,
      keepVersions: 10,
      maxRequestBytes: 1,
      databaseNotify: false,
      doorbell: SILENT_DOORBELL,
      logger: SILENT_LOGGER,
    });
    onTestFinished(() => storage.close());
    return storage;
  };
  const ours = await open();
  return { ours, theirs: await open() };
}
