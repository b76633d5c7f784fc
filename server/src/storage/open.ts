import type { MigrationInterface } from "typeorm";
import type { Doorbell } from "../domain/doorbell.js";
import { StateError } from "../domain/errors.js";
import type { Logger } from "../domain/log.js";
import type { Storage } from "../domain/storage.js";
import { TypeOrmAgentStateStorage } from "./agent-state-storage.js";
import { TypeOrmChangeStorage } from "./change-storage.js";
import { countStored } from "./counts.js";
import { Database } from "./database.js";
import type { Dialect } from "./dialect.js";
import { dialectOf } from "./dialects.js";
import { createEntities } from "./entities.js";
import { classifyFailure } from "./failures.js";
import { TypeOrmMessageStorage } from "./message-storage.js";
import { checkSchema, MIGRATIONS_TABLE, type MigrationResult, migrateSchema } from "./migrate.js";
import { initialMigration } from "./migrations/0001-initial.js";
import { liveMigration } from "./migrations/0002-live.js";
import { usageMigration } from "./migrations/0003-usage.js";
import { contextMigration } from "./migrations/0004-context.js";
import { forksMigration } from "./migrations/0005-forks.js";
import { TypeOrmSessionStorage } from "./session-storage.js";
import { DataSource } from "./typeorm.js";
import { TypeOrmUsageStorage } from "./usage-storage.js";
import { interruptMessages } from "./write-interruption.js";
import { TypeOrmWriteStorage } from "./write-storage.js";

/** How a storage is opened. */
export interface StorageOptions {
  /** Whether to bring the schema up to date; if not, an old one is an error. */
  readonly migrate: boolean;
  /** The most connections to the database. */
  readonly poolSize: number;
  /** How many versions of each key of agent state are kept. */
  readonly keepVersions: number;
  /** The largest request that the database has to take, in bytes. */
  readonly maxRequestBytes: number;
  /** Whether servers tell each other of changes by PostgreSQL's NOTIFY. */
  readonly databaseNotify: boolean;
  /** What tells them instead where NOTIFY does not. */
  readonly doorbell: Doorbell;
  /** Where to warn of settings of the database that put data at risk. */
  readonly logger: Logger;
}

/** How often opening a SQLite file that another process opens too is tried. */
const MAX_OPEN_ATTEMPTS = 50;
const OPEN_RETRY_MS = 100;

/**
 * Opens the storage behind a database URL.
 *
 * @throws UsageError if the URL names no database.
 * @throws StateError `unavailable` if the database cannot be reached.
 * @throws StateError `failed_precondition` SCHEMA_MISMATCH if its schema does not fit this server.
 */
export async function openStorage(url: string, options: StorageOptions): Promise<Storage> {
  const database = await openDatabase(url, options.poolSize);
  try {
    const schemaVersion = options.migrate
      ? (await migrateSchema(database)).schemaVersion
      : await checkSchema(database);
    await warnOfSettings(database, options);
    if (database.dialect.singleConnection) await interruptAll(database, options.logger);
    const doorbell = await createDoorbell(database, url, options);
    return createStorage(database, schemaVersion, doorbell, options);
  } catch (error) {
    await database.close();
    throw error;
  }
}

/**
 * Brings the schema of a database up to date.
 *
 * @throws UsageError if the URL names no database.
 * @throws StateError as {@link openStorage}.
 */
export async function migrateDatabase(url: string): Promise<MigrationResult> {
  const database = await openDatabase(url, 1);
  try {
    return await migrateSchema(database);
  } finally {
    await database.close();
  }
}

/** What brings a schema up to date, in order. */
const MIGRATIONS: readonly Migration[] = [
  initialMigration,
  liveMigration,
  usageMigration,
  contextMigration,
  forksMigration,
];

/** Makes a migration for a kind of database. */
export type Migration = (dialect: Dialect) => new () => MigrationInterface;

/** Connects to a database whose schema may be of any age, and will have had `migrations`. */
export async function openDatabase(
  url: string,
  poolSize: number,
  migrations = MIGRATIONS,
): Promise<Database> {
  const dialect = dialectOf(url);
  const location = dialect.locate(url);
  const entities = createEntities(dialect.kinds);
  const dataSource = new DataSource({
    ...dialect.options(url, poolSize),
    entities: Object.values(entities),
    migrations: migrations.map((migration) => migration(dialect)),
    migrationsTableName: MIGRATIONS_TABLE,
    logging: false,
  });
  await connect(dataSource, dialect, location);
  return new Database(dataSource, dialect, entities);
}

async function connect(dataSource: DataSource, dialect: Dialect, location: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await dataSource.initialize();
      return;
    } catch (error) {
      // Two processes that switch a new SQLite file to WAL at once do not wait for each other.
      const met = classifyFailure(dialect, error) === "conflict" && attempt < MAX_OPEN_ATTEMPTS;
      if (!met) throw cannotOpen(location, error);
      await new Promise((resolve) => setTimeout(resolve, OPEN_RETRY_MS));
    }
  }
}

function cannotOpen(location: string, error: unknown): StateError {
  const { message, code } = error as { readonly message?: string; readonly code?: unknown };
  const why = message || String(code ?? error);
  return new StateError(
    "unavailable",
    "DATABASE_UNAVAILABLE",
    `cannot open the database ${location} (${why}): check that it is there and that the URL is right`,
    { cause: error },
  );
}

async function warnOfSettings(
  database: Database,
  { maxRequestBytes, logger }: StorageOptions,
): Promise<void> {
  for (const caution of database.dialect.cautions) {
    const { rows } = await database.read((connection) => connection.query(caution.sql, []));
    const value = String(rows[0]?.value);
    const warning = caution.warn(value, maxRequestBytes);
    if (warning !== undefined) logger.warn({ backend: database.dialect.backend }, warning);
  }
}

/** Nobody else may use such a database, so that those who wrote to it are gone. */
async function interruptAll(database: Database, logger: Logger): Promise<void> {
  const { length: sessions } = await interruptMessages(database, { onlyExpired: false });
  if (sessions === 0) return;
  const warning =
    "messages that were being written were interrupted, since their server is gone; if it still runs on this database, end one of the two";
  logger.warn({ sessions }, warning);
}

async function createDoorbell(
  { dialect }: Database,
  url: string,
  { databaseNotify, doorbell, logger }: StorageOptions,
): Promise<Doorbell> {
  if (!databaseNotify || dialect.backend !== "postgres") return doorbell;
  // Loaded when needed: so is the driver.
  const { PostgresDoorbell } = await import("./postgres-doorbell.js");
  return new PostgresDoorbell({ url, logger });
}

function createStorage(
  database: Database,
  schemaVersion: number,
  doorbell: Doorbell,
  { keepVersions, maxRequestBytes }: StorageOptions,
): Storage {
  const messages = new TypeOrmMessageStorage(database, keepVersions);
  return {
    backend: database.dialect.backend,
    schemaVersion,
    sessions: new TypeOrmSessionStorage(database),
    messages,
    agentStates: new TypeOrmAgentStateStorage(database, messages),
    changes: new TypeOrmChangeStorage(database),
    writes: new TypeOrmWriteStorage(database, maxRequestBytes),
    usage: new TypeOrmUsageStorage(database),
    doorbell,
    ping: () => database.ping(),
    count: () => database.snapshot(countStored),
    async close() {
      await Promise.all([doorbell.close(), database.close()]);
    },
  };
}
