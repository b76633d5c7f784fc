import type { ColumnKinds } from "./dialect.js";
import {
  type InsertedColumn,
  insertManyInPostgres,
  type UpdatedColumn,
  withId,
} from "./json-statements.js";

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

/**
 * Gives PostgreSQL's statement that appends one message to one session as
 * {@link appendInPostgres} does, in five sixths of the time: nothing is JSON. Its parameters are
 * - what is written of the session,
 * - its id,
 * - what it is known to be: what tells,
 * - the message's columns.
 */
export function appendOneInPostgres({ sessions, telling, messages }: AppendColumns): string {
  const values = sessions.map(([name]) => `${name} = ?`).join(", ");
  const isAsKnown = telling.map((name) => `${name} = ?`).join(" AND ");
  const names = messages.map(([name]) => name).join(", ");
  const message = messages.map(([, type]) => `CAST(? AS ${type})`).join(", ");
  return `WITH advanced AS (UPDATE sessions SET ${values} WHERE id = (SELECT id FROM sessions WHERE id = ? FOR UPDATE SKIP LOCKED) AND ${isAsKnown} RETURNING id),
inserted AS (INSERT INTO messages (${names}) SELECT ${message} FROM advanced)
SELECT id FROM advanced`;
}
