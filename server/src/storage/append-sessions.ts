import type { Connection, Database } from "./database.js";
import type { SessionRow } from "./entities.js";
import { padList, placeholdersOf } from "./padded-list.js";
import { HEAD_COLUMNS, type SessionHead, SessionRows } from "./session-row.js";
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

  constructor(database: Database) {
    this.#database = database;
    this.#rows = new SessionRows(database);
    this.#table = new Table(database.describe(database.entities.session));
    this.#advance = database.dialect.updateMany?.("sessions", ADVANCED);
  }

  /**
   * Locks sessions until the transaction ends, in the order of their ids, and gives those
   * that there are.
   *
   * Without `waits`, those that another transaction has locked are left out.
   */
  async lock(
    connection: Connection,
    ids: readonly string[],
    waits: boolean,
  ): Promise<ReadonlyMap<string, SessionHead>> {
    const { forUpdate, forUpdateOfFree } = this.#database.dialect;
    const padded = padList(ids);
    const sql = `SELECT ${HEAD_COLUMNS} FROM sessions WHERE id IN (${placeholdersOf(padded)}) ORDER BY id ${waits ? forUpdate : forUpdateOfFree}`;
    const rows = this.#table.toRows(await connection.query(sql, padded));
    return new Map(rows.map((row) => [row.id, row]));
  }

  /** Writes what has changed of sessions that are locked. */
  async advance(connection: Connection, heads: readonly SessionHead[]): Promise<void> {
    if (this.#advance === undefined || heads.length < 2) {
      for (const head of heads) await this.#rows.advance(connection, head.id, head);
      return;
    }
    const rows = heads.map((head) => ({
      id: head.id,
      head_sequence: head.headSequence,
      message_count: head.messageCount,
      revision: head.revision,
      change_revision: head.changeRevision,
      largest_message_bytes: head.largestMessageBytes,
      updated_at: head.updatedAt,
    }));
    await connection.query(this.#advance, [JSON.stringify(rows)]);
  }
}
