import { afterAll, beforeAll, onTestFinished } from "vitest";
import { SILENT_DOORBELL } from "../../../server/src/domain/doorbell.js";
import { SILENT_LOGGER } from "../../../server/src/domain/log.js";
import type { Storage } from "../../../server/src/domain/storage.js";
import { openDatabase, openStorage } from "../../../server/src/storage/open.js";

/** How many versions of each key of agent state the storages under test keep. */
export const KEEP_VERSIONS = 4;

/** A backend that the contract is tested on. */
export interface StorageBackend {
  /** Creates an empty database and gives its URL. */
  create(): Promise<string>;
  /** Whether several storages can be opened on one database. */
  readonly isShared: boolean;
}

/** What a test gets to know a backend by. */
export interface StorageSuite {
  readonly isShared: boolean;

  /** The storage that the tests share; each uses tenants of its own. */
  readonly storage: Storage;

  /** Opens one more storage on the database that the tests share, until the test ends. */
  openAnother(): Promise<Storage>;

  /** Runs a statement with `?` for each parameter on that database, past any storage. */
  query(
    sql: string,
    parameters: readonly unknown[],
  ): Promise<readonly Readonly<Record<string, unknown>>[]>;

  /** Opens a storage on an empty database, for the present test alone. */
  openEmpty(): Promise<Storage>;
}

/** Prepares a suite: one database for all tests of the present `describe`. */
export function prepareSuite(backend: StorageBackend): StorageSuite {
  let url = "";
  let storage: Storage | undefined;
  beforeAll(async () => {
    url = await backend.create();
    storage = await open(url);
  });
  afterAll(() => storage?.close());
  return {
    isShared: backend.isShared,
    get storage() {
      if (storage === undefined) throw new Error("the storage is open only while tests run");
      return storage;
    },
    openAnother: () => openForTest(url),
    query: (sql, parameters) => queryOnce(url, sql, parameters),
    openEmpty: async () => openForTest(await backend.create()),
  };
}

/** Opens a storage on a database, until the test ends at the latest. */
export async function openForTest(url: string, logger = SILENT_LOGGER): Promise<Storage> {
  const storage = await open(url, logger);
  onTestFinished(() => storage.close());
  return storage;
}

function open(url: string, logger = SILENT_LOGGER): Promise<Storage> {
  return openStorage(url, {
    migrate: true,
    poolSize: 4,
    keepVersions: KEEP_VERSIONS,
    maxRequestBytes: 16 * 1024 * 1024,
    databaseNotify: true,
    doorbell: SILENT_DOORBELL,
    logger,
  });
}

async function queryOnce(url: string, sql: string, parameters: readonly unknown[]) {
  const database = await openDatabase(url, 1);
  try {
    const { rows } = await database.transaction((connection) => connection.query(sql, parameters));
    return rows;
  } finally {
    await database.close();
  }
}
