import { expect, it, onTestFinished } from "vitest";
import type { Database } from "../../server/src/storage/database.js";
import { MIGRATIONS_TABLE, migrateSchema } from "../../server/src/storage/migrate.js";
import { migrateDatabase, openDatabase } from "../../server/src/storage/open.js";
import { describeDatabases } from "../support/databases.js";

/** What must be alike in a table and in the entity that describes it. */
interface Column {
  readonly name: string;
  readonly isNullable: boolean;
  readonly isPrimary: boolean;
}

function entityTables(database: Database): ReadonlyMap<string, readonly Column[]> {
  const tables = Object.values(database.entities).map((entity) => {
    const { tableName, columns } = database.describe(entity);
    const described = columns.map(({ databaseName: name, isNullable, isPrimary }) => ({
      name,
      isNullable,
      isPrimary,
    }));
    return [tableName, described] as const;
  });
  return new Map(tables);
}

function migratedColumns(database: Database, table: string): Promise<readonly Column[]> {
  return database.withQueryRunner(async (queryRunner) => {
    const found = await queryRunner.getTable(table);
    return (found?.columns ?? []).map(({ name, isNullable, isPrimary }) => ({
      name,
      isNullable,
      isPrimary,
    }));
  });
}

function byName(columns: readonly Column[]): readonly Column[] {
  return [...columns].sort((a, b) => (a.name < b.name ? -1 : 1));
}

describeDatabases("the schema", ({ kind, create }) => {
  it("has the columns that the entities describe, and no others", async () => {
    const database = await openDatabase(await create(), 1);
    onTestFinished(() => database.close());

    await migrateSchema(database);

    for (const [table, described] of entityTables(database)) {
      const migrated = await migratedColumns(database, table);
      expect([table, byName(migrated)]).toEqual([table, byName(described)]);
    }
  });

  if (kind === "memory") return;

  it("is made once by servers that start at once", async () => {
    const url = await create();

    const results = await Promise.all(Array.from({ length: 4 }, () => migrateDatabase(url)));

    expect(results.map(({ applied }) => applied).sort()).toEqual([0, 0, 0, 5]);
    expect(new Set(results.map(({ schemaVersion }) => schemaVersion))).toEqual(new Set([5]));
  });

  it("is finished by the next start where one was cut off", async () => {
    const url = await create();
    await migrateDatabase(url);
    const database = await openDatabase(url, 1);
    onTestFinished(() => database.close());
    await database.transaction(async ({ query }) => {
      await query("DROP TABLE agent_state", []);
      await query("DROP TABLE api_calls", []);
      await query(`DELETE FROM ${MIGRATIONS_TABLE}`, []);
    });

    expect(await migrateSchema(database)).toEqual({ applied: 5, schemaVersion: 5 });

    expect(await migratedColumns(database, "agent_state")).not.toEqual([]);
    expect(await migratedColumns(database, "api_calls")).not.toEqual([]);
  });
});
