import type { Connection, Database } from "./database.js";
import type { MessageRow } from "./entities.js";
import type { SessionHead } from "./session-row.js";
import { Table } from "./table.js";

/** What tells a repeated request. */
export type MessageRequestRow = Pick<
  MessageRow,
  "id" | "sequence" | "bytes" | "requestHash" | "deletedAt"
>;

/** Where the messages of a session lie. */
type Places = Pick<SessionHead, "id" | "isLayered">;

/** The message with an id of a session that has all of its messages under its own id. */
const ALONE = "FROM messages m WHERE m.session_id = ? AND m.id = ?";

/** The message with an id in the highest layer of a session that has it. */
const IN_LAYERS = `FROM session_layers l
  JOIN messages m ON m.session_id = l.layer_id
    AND m.sequence > l.after_sequence AND m.sequence <= l.through_sequence
  WHERE l.session_id = ? AND m.id = ? ORDER BY l.height DESC LIMIT 1`;

/** Finds messages by their ids. */
export class MessageLookup {
  readonly #table: Table<MessageRow>;
  readonly #columns: string;

  constructor(database: Database) {
    this.#table = new Table(database.describe(database.entities.message));
    this.#columns = this.#table.columns.replaceAll(/\w+/g, "m.$&");
  }

  /** Finds the row of the message of a session that has an id, tombstones included. */
  async find(
    { query }: Connection,
    { id: sessionId, isLayered }: Places,
    id: string,
  ): Promise<MessageRow | undefined> {
    const sql = `SELECT ${this.#columns} ${isLayered ? IN_LAYERS : ALONE}`;
    return this.#table.toRows(await query(sql, [sessionId, id]))[0];
  }

  /**
   * Finds what tells a repeated request of the messages of a session that have some ids,
   * tombstones included, in no order.
   *
   * One statement an id, all sent at once where the driver does that: for a list of ids,
   * PostgreSQL may read the whole session as long as it has no statistics of the table.
   */
  async findRequests(
    { query }: Connection,
    { id: sessionId, isLayered }: Places,
    ids: readonly string[],
  ): Promise<readonly MessageRequestRow[]> {
    const sql = `SELECT m.id, m.sequence, m.bytes, m.request_hash, m.deleted_at ${isLayered ? IN_LAYERS : ALONE}`;
    const found = await Promise.all(ids.map((id) => query(sql, [sessionId, id])));
    return found.flatMap((result) => this.#table.toRows<keyof MessageRequestRow>(result));
  }
}
