import type { WriteRef } from "../domain/write-storage.js";
import type { Connection, Database } from "./database.js";
import type { MessageWriteRow } from "./entities.js";
import { Table } from "./table.js";

/** The lease on a message that is being written. */
export interface Lease {
  readonly epoch: number;
  /** Null once the writer has let go of it. */
  readonly writerId: string | null;
  /** The layer in which the message lies; null where that is the session's own. */
  readonly layerId: string | null;
  /** Whether it has run out by the database's clock. */
  readonly hasExpired: boolean;
}

/** A lease to take. */
export interface NewLease {
  readonly sessionId: string;
  readonly sequence: number;
  readonly epoch: number;
  readonly writerId: string;
  readonly layerId: string | null;
  readonly leaseMs: number;
}

/** A message whose writing is to end. */
export interface LeasedMessage {
  readonly sessionId: string;
  readonly sequence: number;
  readonly epoch: number;
}

/** Which messages to list. */
export interface LeaseFilter {
  readonly onlyExpired: boolean;
  /** How many to pass over. */
  readonly offset: number;
  readonly limit: number;
}

const AT = "WHERE session_id = ? AND sequence = ?";

/**
 * Reads and writes the rows of `message_writes`. What changes them holds the lock of
 * their session.
 */
export class LeaseRows {
  readonly #table: Table<MessageWriteRow>;
  readonly #nowMs: string;

  constructor(database: Database) {
    this.#table = new Table(database.describe(database.entities.messageWrite));
    this.#nowMs = database.dialect.nowMs;
  }

  /** Finds the lease on a message; there is one exactly as long as the message is being written. */
  async find(
    connection: Connection,
    { sessionId, sequence }: { readonly sessionId: string; readonly sequence: number },
  ): Promise<Lease | undefined> {
    const hasExpired = `CASE WHEN expires_at <= ${this.#nowMs} THEN 1 ELSE 0 END`;
    const sql = `SELECT epoch, writer_id, layer_id, ${hasExpired} AS has_expired FROM message_writes ${AT}`;
    const result = await connection.query(sql, [sessionId, sequence]);
    const [row] = this.#table.toRows<"epoch" | "writerId" | "layerId">(result);
    return row && { ...row, hasExpired: Number(result.rows[0]?.has_expired) === 1 };
  }

  /** Puts a lease in place of the one that there may be. */
  async put(connection: Connection, lease: NewLease): Promise<void> {
    const { sessionId, sequence, epoch, writerId, layerId, leaseMs } = lease;
    await this.remove(connection, lease);
    const sql = `INSERT INTO message_writes (session_id, sequence, epoch, writer_id, layer_id, expires_at) VALUES (?, ?, ?, ?, ?, ${this.#nowMs} + ?)`;
    await connection.query(sql, [sessionId, sequence, epoch, writerId, layerId, leaseMs]);
  }

  /** Makes a lease last from now on. */
  async renew(
    connection: Connection,
    { sessionId, sequence }: WriteRef,
    leaseMs: number,
  ): Promise<void> {
    const sql = `UPDATE message_writes SET expires_at = ${this.#nowMs} + ? ${AT}`;
    await connection.query(sql, [leaseMs, sessionId, sequence]);
  }

  /** Takes the writer's name off a lease. */
  async release(connection: Connection, { sessionId, sequence }: WriteRef): Promise<void> {
    await connection.query(`UPDATE message_writes SET writer_id = NULL ${AT}`, [
      sessionId,
      sequence,
    ]);
  }

  /** Removes the lease on a message, if there is one. */
  async remove(
    connection: Connection,
    { sessionId, sequence }: { readonly sessionId: string; readonly sequence: number },
  ): Promise<void> {
    await connection.query(`DELETE FROM message_writes ${AT}`, [sessionId, sequence]);
  }

  /** Removes the leases on the messages of a session after a sequence. */
  async removeAfter(connection: Connection, sessionId: string, sequence: number): Promise<void> {
    const sql = "DELETE FROM message_writes WHERE session_id = ? AND sequence > ?";
    await connection.query(sql, [sessionId, sequence]);
  }

  /** Finds messages that are being written, those first whose lease ran out first. */
  async list(
    connection: Connection,
    { onlyExpired, offset, limit }: LeaseFilter,
  ): Promise<readonly LeasedMessage[]> {
    const which = onlyExpired ? `WHERE expires_at <= ${this.#nowMs}` : "";
    const sql = `SELECT session_id, sequence, epoch FROM message_writes ${which} ORDER BY expires_at, session_id, sequence LIMIT ? OFFSET ?`;
    const result = await connection.query(sql, [limit, offset]);
    return this.#table.toRows<"sessionId" | "sequence" | "epoch">(result);
  }
}
