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
    let head: SessionHead | undefined;
    await connection.rawRows([sql, [id]], (row) => {
      head = this.#toHead(row);
    });
    return head;
  }

  #toHead(row: RawRow): SessionHead {
    const { toMs } = this.#raw;
    return {
      id: String(row[0]),
      tenantId: String(row[1]),
      userId: textOf(row[2]),
      agentId: textOf(row[3]),
      headSequence: Number(row[4]),
      messageCount: Number(row[5]),
      revision: Number(row[6]),
      version: Number(row[7]),
      changeRevision: Number(row[8]),
      largestMessageBytes: Number(row[9]),
      updatedAt: new Date(toMs(row[10])),
      deletedAt: row[11] === null ? null : new Date(toMs(row[11])),
      frozenThrough: Number(row[12]),
      isLayered: Number(row[13]) === 1,
      editLayerId: textOf(row[14]),
      treeId: textOf(row[15]),
    };
  }
}

function textOf(value: unknown): string | null {
  return value === null ? null : String(value);
}
