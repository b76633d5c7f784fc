import type { Connection } from "./database.js";
import type { RawRow, RawRows } from "./raw-rows.js";
import type { SessionHead } from "./session-row.js";

/** Reads the heads of sessions one by one, without TypeORM's work on every value. */
export class HeadRows {
  /** What statements select. */
  readonly columns: string;
  readonly #raw: RawRows;

  constructor(raw: RawRows) {
    this.#raw = raw;
    const { bigint, boolean, time } = raw;
    // In the order in which they are read below.
    this.columns = [
      "id, tenant_id, user_id, agent_id",
      bigint("head_sequence"),
      bigint("message_count"),
      bigint("revision"),
      bigint("version"),
      bigint("change_revision"),
      "largest_message_bytes",
      time("updated_at"),
      time("deleted_at"),
      bigint("frozen_through"),
      boolean("is_layered"),
      "edit_layer_id, tree_id",
    ].join(", ");
  }

  /** Runs a statement that selects {@link HeadRows.columns} of the session with an id, which is its parameter. */
  async find(connection: Connection, sql: string, id: string): Promise<SessionHead | undefined> {
    const [row] = await connection.rawRows(sql, [id]);
    return row && this.#toHead(row);
  }

  #toHead(row: RawRow): SessionHead {
    const { toTime } = this.#raw;
    return {
      id: row[0] as string,
      tenantId: row[1] as string,
      userId: row[2] as string | null,
      agentId: row[3] as string | null,
      headSequence: Number(row[4]),
      messageCount: Number(row[5]),
      revision: Number(row[6]),
      version: Number(row[7]),
      changeRevision: Number(row[8]),
      largestMessageBytes: Number(row[9]),
      updatedAt: toTime(row[10]),
      deletedAt: row[11] === null ? null : toTime(row[11]),
      frozenThrough: Number(row[12]),
      isLayered: Number(row[13]) === 1,
      editLayerId: row[14] as string | null,
      treeId: row[15] as string | null,
    };
  }
}
