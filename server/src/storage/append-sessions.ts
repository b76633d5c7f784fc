import type { Database } from "./database.js";
import type {
  AppendStatement,
  QueryResult,
  RowsStatement,
  RowValues,
  Statement,
  UpdatedColumn,
} from "./dialect.js";
import type { SessionRow } from "./entities.js";
import { padList, placeholdersOf } from "./padded-list.js";
import {
  ADVANCED,
  HEAD_COLUMNS,
  type HeadAdvance,
  type SessionHead,
  SessionRows,
  TELLING_COLUMNS,
  type TellingHead,
  tellingOf,
} from "./session-row.js";
import { Table } from "./table.js";

/** A session's id, and what is written of it. */
const COLUMNS: readonly UpdatedColumn[] = [
  ["id", "uuid"],
  ...ADVANCED.map(([name, kind]) => [name, kind] as const),
];

/** Locks and advances the sessions of a group of appends, all at once. */
export class GroupSessions {
  readonly #database: Database;
  readonly #rows: SessionRows;
  readonly #table: Table<SessionRow>;
  readonly #advance: RowsStatement | undefined;
  readonly #appendAtOnce: AppendStatement | undefined;
  readonly #appendOne: string | undefined;

  constructor(database: Database) {
    this.#database = database;
    this.#rows = new SessionRows(database);
    this.#table = new Table(database.describe(database.entities.session));
    this.#advance = database.dialect.updateMany?.("sessions", COLUMNS);
    const messages = new Table(database.describe(database.entities.message)).types;
    const columns = { sessions: COLUMNS, telling: TELLING_COLUMNS, messages };
    this.#appendAtOnce = database.dialect.appendAtOnce?.(columns);
    this.#appendOne = database.dialect.appendOne?.(columns);
  }

  /**
   * Gives the statement that locks sessions until the transaction ends, in the order of
   * their ids, and reads those that there are.
   *
   * Without `waits`, those that another transaction has locked are left out.
   */
  toLock(ids: readonly string[], waits: boolean): Statement {
    const { forUpdate, forUpdateOfFree } = this.#database.dialect;
    const padded = padList(ids);
    const sql = `SELECT ${HEAD_COLUMNS} FROM sessions WHERE id IN (${placeholdersOf(padded)}) ORDER BY id ${waits ? forUpdate : forUpdateOfFree}`;
    return [sql, padded];
  }

  /** Gives the sessions that {@link GroupSessions.toLock} has locked, by their ids. */
  toHeads(locked: QueryResult): ReadonlyMap<string, SessionHead> {
    return new Map(this.#table.toRows(locked).map((row) => [row.id, row]));
  }

  /** Gives the statements that write what has changed of sessions that are locked. */
  toAdvances(heads: readonly SessionHead[]): readonly Statement[] {
    if (this.#advance === undefined || heads.length < 2) {
      return heads.map((head) => this.#rows.toAdvance(head.id, head));
    }
    return [this.#advance(heads.map(toValues))];
  }

  /** Gives the statement that advances a session, if it is as it is known to be. */
  toKnownAdvance({ before, after }: HeadAdvance): Statement {
    return this.#rows.toAdvance(after.id, after, before);
  }

  /**
   * Gives the statement that locks sessions, and fails unless all of them are as they are
   * known to be and no other transaction has locked one.
   */
  toLockKnown(known: readonly (TellingHead & Pick<SessionHead, "id">)[]): Statement {
    const sql = this.#database.dialect.lockKnown?.(TELLING_COLUMNS, known.length);
    if (sql === undefined) throw new Error("the database has no such statement");
    const values = known.flatMap((head) => [head.id, ...tellingOf(head)]);
    return [sql, [...known.map(({ id }) => id), ...values]];
  }

  /**
   * Gives the statement that advances sessions and inserts the messages that do so, of those
   * sessions that are as they are known to be and that no other transaction has locked. It
   * gives their ids, see {@link GroupSessions.toIds}.
   */
  toAppendAtOnce(advances: readonly HeadAdvance[], messages: readonly RowValues[]): Statement {
    if (this.#appendAtOnce === undefined) throw new Error("the database has no such statement");
    const sessions = advances.map(({ before, after }) => [
      ...toValues(after),
      tellingOf(before).join(" "),
    ]);
    return this.#appendAtOnce(sessions, messages);
  }

  /**
   * Gives the statement that does the same for one message, whose columns are `message`;
   * undefined where there is none.
   */
  toAppendOne({ before, after }: HeadAdvance, message: RowValues): Statement | undefined {
    if (this.#appendOne === undefined) return undefined;
    const [, session] = this.#rows.toAdvance(after.id, after, before);
    return [this.#appendOne, [...session, ...message]];
  }

  /** Gives the ids of the sessions that one of these has advanced. */
  toIds(advanced: QueryResult): ReadonlySet<string> {
    return new Set(advanced.rows.map(({ id }) => String(id)));
  }
}

/** Gives the values of {@link COLUMNS}. */
function toValues(head: SessionHead): RowValues {
  return [head.id, ...ADVANCED.map(([, , property]) => head[property])];
}
