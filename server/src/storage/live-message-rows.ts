import type { Connection } from "./database.js";
import type { MessageRow } from "./entities.js";
import type { RawRow, RawRows } from "./raw-rows.js";

/** The row of a message that is there, without what its readers have no use for. */
export type LiveMessageRow = Omit<MessageRow, "requestHash" | "deletedAt">;

/** Reads the rows of messages, many at once, without TypeORM's work on every value. */
export class LiveMessageRows {
  /** What statements select; their rows are to be of one `session_id`, and not deleted. */
  readonly columns: string;
  readonly #raw: RawRows;

  constructor(raw: RawRows) {
    this.#raw = raw;
    const { bigint, boolean, bytes, time } = raw;
    // In the order in which they are read below.
    this.columns = [
      bigint("sequence"),
      "id, role, content, parts, metadata",
      bytes("raw_data"),
      "raw_media_type",
      boolean("pinned"),
      "status, token_count, bytes",
      bigint("version"),
      bigint("revision"),
      time("created_at"),
      // Few messages are ever changed: for the others, there is one time less to read.
      time("NULLIF(updated_at, created_at)"),
    ].join(", ");
  }

  /** Runs a statement that selects {@link LiveMessageRows.columns} of rows with a `session_id`. */
  async read(
    connection: Connection,
    sessionId: string,
    sql: string,
    parameters: readonly unknown[],
  ): Promise<LiveMessageRow[]> {
    const rows = await connection.rawRows(sql, parameters);
    return rows.map((row) => this.#toRow(sessionId, row));
  }

  #toRow(sessionId: string, row: RawRow): LiveMessageRow {
    const { toTime, toBytes } = this.#raw;
    const createdAt = toTime(row[14]);
    return {
      sessionId,
      sequence: Number(row[0]),
      id: row[1] as string,
      role: row[2] as string,
      content: row[3] as string,
      parts: row[4] as string | null,
      metadata: row[5] as string | null,
      rawData: row[6] === null ? null : toBytes(row[6]),
      rawMediaType: row[7] as string | null,
      pinned: Number(row[8]) === 1,
      status: row[9] as string,
      tokenCount: row[10] === null ? null : Number(row[10]),
      bytes: Number(row[11]),
      version: Number(row[12]),
      revision: Number(row[13]),
      createdAt,
      updatedAt: row[15] === null ? createdAt : toTime(row[15]),
    };
  }
}
