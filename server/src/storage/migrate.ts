import type { QueryRunner } from "typeorm";
import { StateError } from "../domain/errors.js";
import type { Database } from "./database.js";
import { classifyFailure } from "./failures.js";
import { MigrationExecutor } from "./typeorm.js";

/** The table in which the migrations that a schema has had are kept. */
export const MIGRATIONS_TABLE = "mofa_state_migrations";

/** What a migration run did. */
export interface MigrationResult {
  /** How many migrations this run applied. */
  readonly applied: number;
  /** How many migrations the schema has had now. */
  readonly schemaVersion: number;
}

/**
 * Brings the schema up to date. Servers that do so at once wait for each other.
 *
 * @throws StateError `failed_precondition` SCHEMA_MISMATCH if the schema is newer than this server.
 */
export function migrateSchema(database: Database): Promise<MigrationResult> {
  const { lock, unlock, unlockAfterFailure, transaction } = database.dialect.migrations;
  return database.withQueryRunner(async (queryRunner) => {
    requireLock(await queryRunner.query(lock));
    try {
      const executor = createExecutor(queryRunner);
      executor.transaction = transaction;
      const applied = await executor.executePendingMigrations();
      const schemaVersion = await countKnown(queryRunner, executor);
      await queryRunner.query(unlock);
      return { applied: applied.length, schemaVersion };
    } catch (error) {
      // Where this fails too, the connection is lost and the lock with it.
      await queryRunner.query(unlockAfterFailure).catch(() => undefined);
      throw isKnown(database, error) ? error : cannotMigrate(error);
    }
  });
}

/**
 * Requires that the schema is what this server needs, and gives its version.
 *
 * @throws StateError `failed_precondition` SCHEMA_MISMATCH if it is older or newer.
 */
export function checkSchema(database: Database): Promise<number> {
  return database.withQueryRunner(async (queryRunner) => {
    const executor = createExecutor(queryRunner);
    const isMigrated = await queryRunner.hasTable(MIGRATIONS_TABLE);
    const version = isMigrated ? await countKnown(queryRunner, executor) : 0;
    const needed = queryRunner.dataSource.migrations.length;
    if (version === needed) return version;
    const message = `the database's schema has had ${version} of ${needed} migrations: run mofa-state migrate, or start without --no-migrate`;
    throw new StateError("failed_precondition", "SCHEMA_MISMATCH", message);
  });
}

function isKnown({ dialect }: Database, error: unknown): boolean {
  return error instanceof StateError || classifyFailure(dialect, error) !== undefined;
}

function cannotMigrate(error: unknown): StateError {
  const why = error instanceof Error ? error.message : String(error);
  const message = `cannot create or change the tables (${why}): the database's user must be allowed to, and no other tables may have their names`;
  return new StateError("failed_precondition", "SCHEMA_MISMATCH", message);
}

function createExecutor(queryRunner: QueryRunner): MigrationExecutor {
  return new MigrationExecutor(queryRunner.dataSource, queryRunner);
}

async function countKnown(
  { dataSource }: QueryRunner,
  executor: MigrationExecutor,
): Promise<number> {
  const known = new Set(dataSource.migrations.map(({ name }) => name));
  const executed = await executor.getExecutedMigrations();
  const unknown = executed.find(({ name }) => !known.has(name));
  if (unknown === undefined) return executed.length;
  const message = `the database's schema has had the migration ${unknown.name}, which this version does not know: start a newer version`;
  throw new StateError("failed_precondition", "SCHEMA_MISMATCH", message);
}

/** MySQL answers 0, not an error, where a lock could not be had in time. */
function requireLock(rows: unknown): void {
  const [row] = Array.isArray(rows) ? (rows as readonly unknown[]) : [];
  if (Object.values(row ?? {}).map(String)[0] !== "0") return;
  const message = "another server is still migrating the database: try again when it has started";
  throw new StateError("unavailable", "DATABASE_UNAVAILABLE", message);
}
