import type { ColumnType } from "typeorm";
import type { ColumnKinds } from "./dialect.js";

/** A column to update: its name in SQL, and its kind. */
export type UpdatedColumn = readonly [name: string, kind: keyof ColumnKinds];

/** A column to insert: its name, and its type as TypeORM knows it, which is PostgreSQL's. */
export type InsertedColumn = readonly [name: string, type: ColumnType];

/** Gives PostgreSQL's statement that inserts the rows of a JSON array of objects; bytes are `\\x` and hexadecimal. */
export function insertManyInPostgres(table: string, columns: readonly InsertedColumn[]): string {
  const names = columns.map(([name]) => name).join(", ");
  const definitions = columns.map(([name, type]) => `${name} ${type}`).join(", ");
  return `INSERT INTO ${table} (${names}) SELECT ${names} FROM json_to_recordset(?::json) AS added (${definitions})`;
}

/** Gives PostgreSQL's statement that updates rows by id from a JSON array of objects. */
export function updateManyInPostgres(
  kinds: ColumnKinds,
  table: string,
  columns: readonly UpdatedColumn[],
): string {
  const definitions = withId(columns).map(([name, kind]) => `${name} ${kinds[kind].sql}`);
  const values = columns.map(([name]) => `${name} = changed.${name}`);
  return `UPDATE ${table} SET ${values.join(", ")} FROM json_to_recordset(?::json) AS changed (${definitions.join(", ")}) WHERE ${table}.id = changed.id`;
}

/** Gives the statement of MySQL and MariaDB that updates rows by id from a JSON array of objects. */
export function updateManyInMysql(
  kinds: ColumnKinds,
  table: string,
  columns: readonly UpdatedColumn[],
): string {
  const definitions = withId(columns).map(([name, kind]) => {
    // Of a time in JSON, they do not understand the Z.
    const type = kind === "time" ? "CHAR(24)" : kinds[kind].sql;
    return `${name} ${type} PATH '$.${name}'`;
  });
  const values = columns.map(([name, kind]) => {
    const value = kind === "time" ? `TRIM(TRAILING 'Z' FROM changed.${name})` : `changed.${name}`;
    return `${table}.${name} = ${value}`;
  });
  // In this order and by the key, whatever the optimizer makes of it: it would lock rows that
  // it only reads, and wait for those that others have locked.
  return `UPDATE JSON_TABLE(?, '$[*]' COLUMNS (${definitions.join(", ")})) AS changed STRAIGHT_JOIN ${table} FORCE INDEX (PRIMARY) ON ${table}.id = changed.id SET ${values.join(", ")}`;
}

/** The columns, with the id before them. */
export function withId(columns: readonly UpdatedColumn[]): readonly UpdatedColumn[] {
  return [["id", "uuid"], ...columns];
}
