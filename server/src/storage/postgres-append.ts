import type { AppendColumns, AppendStatement, ColumnKinds } from "./dialect.js";
import { padList } from "./padded-list.js";
import { insertArrays, toArrays, toTyped, unnest } from "./postgres-arrays.js";
import { remembered } from "./remembered.js";

/**
 * Makes PostgreSQL's statements that advance sessions and insert messages, and give the ids
 * of those sessions.
 *
 * Of a session that is otherwise than it is known, or is locked, nothing is written. What is locked
 * and updated is the row as it is at last, whatever the statement's snapshot says: for that,
 * PostgreSQL looks at the conditions again.
 */
export function appendInPostgres(kinds: ColumnKinds, columns: AppendColumns): AppendStatement {
  const textOf = remembered((idCount: number) => toText(kinds, columns, idCount));
  return (sessions, messages) => {
    // Not an array: whatever its length, one and the same plan would serve, or be made each time.
    const ids = padList(sessions.map(([id]) => id));
    const given = toArrays(columns.sessions.length + 1, sessions);
    const added = toArrays(columns.messages.length, messages);
    return [textOf(ids.length), [...ids, ...given, ...added]];
  };
}

function toText(
  kinds: ColumnKinds,
  { sessions, telling, messages }: AppendColumns,
  idCount: number,
): string {
  const ids = Array<string>(idCount).fill("?").join(", ");
  const given = unnest([...toTyped(kinds, sessions), ["known", "text"]], "given");
  const isAsKnown = `concat_ws(' ', ${telling.map((name) => `sessions.${name}`).join(", ")}) = given.known`;
  const [, ...written] = sessions;
  const values = written.map(([name]) => `${name} = given.${name}`).join(", ");
  return `WITH free AS MATERIALIZED (SELECT id FROM sessions WHERE id IN (${ids}) ORDER BY id FOR UPDATE SKIP LOCKED),
advanced AS (UPDATE sessions SET ${values} FROM ${given} JOIN free ON free.id = given.id WHERE sessions.id = given.id AND ${isAsKnown} RETURNING sessions.id),
inserted AS (${insertArrays("messages", messages)} WHERE session_id IN (SELECT id FROM advanced))
SELECT id FROM advanced`;
}

/**
 * Gives PostgreSQL's statement that appends one message to one session as
 * {@link appendInPostgres} does, in less time: nothing is an array. Its parameters are
 * - what is written of the session,
 * - its id,
 * - what it is known to be: what tells,
 * - the message's columns.
 */
export function appendOneInPostgres({ sessions, telling, messages }: AppendColumns): string {
  const [, ...written] = sessions;
  const values = written.map(([name]) => `${name} = ?`).join(", ");
  const isAsKnown = telling.map((name) => `${name} = ?`).join(" AND ");
  const names = messages.map(([name]) => name).join(", ");
  const message = messages.map(([, type]) => `CAST(? AS ${type})`).join(", ");
  return `WITH advanced AS (UPDATE sessions SET ${values} WHERE id = (SELECT id FROM sessions WHERE id = ? FOR UPDATE SKIP LOCKED) AND ${isAsKnown} RETURNING id),
inserted AS (INSERT INTO messages (${names}) SELECT ${message} FROM advanced)
SELECT id FROM advanced`;
}
