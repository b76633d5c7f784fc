import type { QueryRunner } from "typeorm";
import type { Dialect } from "../dialect.js";

// Each that creates or adds does nothing where it was done before: where definitions are not
// transactional, a start that was cut off is finished by the next.

/** A table, and its columns and keys in SQL. */
export type TableDefinition = readonly [table: string, columns: readonly string[]];

/** A column of a table, and its type in SQL. */
export type ColumnDefinition = readonly [table: string, column: string, type: string];

/** An index of a table, and what it is of in SQL: columns, and maybe which rows. */
export type IndexDefinition = readonly [table: string, name: string, definition: string];

/** Creates tables. */
export async function createTables(
  queryRunner: QueryRunner,
  { tableOptions }: Pick<Dialect, "tableOptions">,
  definitions: readonly TableDefinition[],
): Promise<void> {
  for (const [table, columns] of definitions) {
    await queryRunner.query(
      `CREATE TABLE IF NOT EXISTS ${table} (${columns.join(", ")}) ${tableOptions}`,
    );
  }
}

/** Drops tables. */
export async function dropTables(
  queryRunner: QueryRunner,
  definitions: readonly TableDefinition[],
): Promise<void> {
  for (const [table] of definitions) await queryRunner.query(`DROP TABLE ${table}`);
}

/** Adds columns to tables. */
export async function addColumns(
  queryRunner: QueryRunner,
  definitions: readonly ColumnDefinition[],
): Promise<void> {
  for (const [table, column, type] of definitions) {
    if (await queryRunner.hasColumn(table, column)) continue;
    await queryRunner.query(`ALTER TABLE ${table} ADD COLUMN ${column} ${type}`);
  }
}

/** Drops columns of tables. */
export async function dropColumns(
  queryRunner: QueryRunner,
  definitions: readonly ColumnDefinition[],
): Promise<void> {
  for (const [table, column] of definitions) {
    await queryRunner.query(`ALTER TABLE ${table} DROP COLUMN ${column}`);
  }
}

/** Creates indexes of tables. */
export async function addIndexes(
  queryRunner: QueryRunner,
  definitions: readonly IndexDefinition[],
): Promise<void> {
  for (const [table, name, definition] of definitions) {
    const existing = (await queryRunner.getTable(table))?.indices ?? [];
    if (existing.some((index) => index.name === name)) continue;
    await queryRunner.query(`CREATE INDEX ${name} ON ${table} ${definition}`);
  }
}
