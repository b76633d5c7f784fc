import type { Database } from "./database.js";
import type { QueryResult, Statement } from "./dialect.js";
import type { SessionRow } from "./entities.js";
import { padList, placeholdersOf } from "./padded-list.js";
import type { AppendColumns } from "./postgres-append.js";
import {
  HEAD_COLUMNS,
  type HeadAdvance,
  type SessionHead,
  SessionRows,
  TELLING_COLUMNS,
  type TellingHead,
  tellingOf,
} from "./session-row.js";
import { Table } from "./table.js";

/** What {@link GroupSessions.advance} writes of each session, and what it is in SQL. */
const ADVANCED = [
  ["head_sequence", "bigint"],
  ["message_count", "bigint"],
  ["revision", "bigint"],
  ["change_revision", "bigint"],
  ["largest_message_bytes", "integer"],
  ["updated_at", "time"],
] as const;

/** Locks and advances the sessions of a group of appends, all at once. */
export class GroupSessions {
  readonly #database: Database;
  readonly #rows: SessionRows;
  readonly #table: Table<SessionRow>;
  readonly #advance: string | undefined;
  readonly #columns: AppendColumns;
  readonly #appendOne: string | undefined;
  /** What appends at once, by the number of ids. */
  readonly #appends = new Map<number, string>();

  constructor(database: Database) {
    this.#database = database;
    this.#rows = new SessionRows(database);
    this.#table = new Table(database.describe(database.entities.session));
    this.#advance = database.dialect.updateMany?.("sessions", ADVANCED);
    const messages = new Table(database.describe(database.entities.message)).types;
    this.#columns = { sessions: ADVANCED, telling: TELLING_COLUMNS, messages };
    this.#appendOne = database.dialect.appendOne?.(this.#columns);
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
    return [[this.#advance, [JSON.stringify(heads.map(toColumns))]]];
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
  toAppendAtOnce(advances: readonly HeadAdvance[], messages: string): Statement {
    const sessions = advances.map(({ before, after }) => ({
      ...toColumns(after),
      known: tellingOf(before).join(" "),
    }));
    const ids = padList(advances.map(({ after }) => after.id));
    return [this.#appendOf(ids.length), [...ids, JSON.stringify(sessions), messages]];
  }

  /**
   * Gives the statement that does the same for one message, whose columns are `message`;
   * undefined where there is none.
   */
  toAppendOne({ before, after }: HeadAdvance, message: readonly unknown[]): Statement | undefined {
    if (this.#appendOne === undefined) return undefined;
    const [, session] = this.#rows.toAdvance(after.id, after, before);
    return [this.#appendOne, [...session, ...message]];
  }

  /** Gives the ids of the sessions that one of these has advanced. */
  toIds(advanced: QueryResult): ReadonlySet<string> {
    return new Set(advanced.rows.map(({ id }) => String(id)));
  }

  #appendOf(idCount: number): string {
    const known = this.#appends.get(idCount);
    if (known !== undefined) return known;
    const sql = this.#database.dialect.appendAtOnce?.(this.#columns, idCount);
    if (sql === undefined) throw new Error("the database has no such statement");
    this.#appends.set(idCount, sql);
    return sql;
  }
}

function toColumns(head: SessionHead) {
  return {
    id: head.id,
    head_sequence: head.headSequence,
    message_count: head.messageCount,
    revision: head.revision,
    change_revision: head.changeRevision,
    largest_message_bytes: head.largestMessageBytes,
    updated_at: head.updatedAt,
  };
}
