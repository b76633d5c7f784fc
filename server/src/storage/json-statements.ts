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

/** The columns of a statement that appends to sessions. */
export interface AppendColumns {
  /** What is written of each session. */
  readonly sessions: readonly UpdatedColumn[];
  /** What tells whether a session is as it is known to be: whole numbers. */
  readonly telling: readonly string[];
  readonly messages: readonly InsertedColumn[];
}

/**
 * Gives PostgreSQL's statement that advances sessions and inserts messages, and gives the ids
 * of those sessions. Its parameters are
 * - so many ids of sessions, of which some may be the same,
 * - the sessions, a JSON array of objects with the columns that are written, and with what
 *   they are known to be as `known`: what tells, separated by spaces,
 * - the messages, a JSON array of objects.
 *
 * Of a session that is otherwise than it is known, or is locked, nothing is written. What is locked
 * and updated is the row as it is at last, whatever the statement's snapshot says: for that,
 * PostgreSQL looks at the conditions again.
 */
export function appendInPostgres(
  kinds: ColumnKinds,
  { sessions, telling, messages }: AppendColumns,
  idCount: number,
): string {
  // Not an array: whatever its length, one and the same plan would serve, or be made each time.
  const ids = Array<string>(idCount).fill("?").join(", ");
  const given = [...withId(sessions), ["known", "text"] as const];
  const isAsKnown = `concat_ws(' ', ${telling.map((name) => `sessions.${name}`).join(", ")}) = given.known`;
  const definitions = given.map(([name, kind]) => `${name} ${kinds[kind].sql}`).join(", ");
  const values = sessions.map(([name]) => `${name} = given.${name}`).join(", ");
  const insert = insertManyInPostgres("messages", messages);
  return `WITH free AS MATERIALIZED (SELECT id FROM sessions WHERE id IN (${ids}) ORDER BY id FOR UPDATE SKIP LOCKED),
advanced AS (UPDATE sessions SET ${values} FROM json_to_recordset(?::json) AS given (${definitions}) JOIN free ON free.id = given.id WHERE sessions.id = given.id AND ${isAsKnown} RETURNING sessions.id),
inserted AS (${insert} WHERE session_id IN (SELECT id FROM advanced))
SELECT id FROM advanced`;
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

function withId(columns: readonly UpdatedColumn[]): readonly UpdatedColumn[] {
  return [["id", "uuid"], ...columns];
}
