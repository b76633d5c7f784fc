import type { Connection, Database } from "./database.js";
import type { MessageRow } from "./entities.js";
import { Table } from "./table.js";

/** What every addition to a message changes beside its content. */
export type Growth = Pick<
  MessageRow,
  "sessionId" | "sequence" | "bytes" | "revision" | "updatedAt"
>;

/** What an addition changes that is more than text. */
export type Rewrite = Growth & Pick<MessageRow, "parts" | "status" | "tokenCount">;

/** Adds text to the rows of messages that are being written, without sending back what they hold. */
export class WrittenMessageRows {
  readonly #table: Table<MessageRow>;
  readonly #extend: string;
  readonly #rewrite: string;

  constructor(database: Database) {
    this.#table = new Table(database.describe(database.entities.message));
    const content = `UPDATE messages SET content = ${database.dialect.extendedContent}`;
    const growth = "bytes = ?, revision = ?, updated_at = ? WHERE session_id = ? AND sequence = ?";
    this.#extend = `${content}, ${growth}`;
    this.#rewrite = `${content}, parts = ?, status = ?, token_count = ?, ${growth}`;
  }

  /** About how many bytes a message has. */
  async measure(
    connection: Connection,
    { sessionId, sequence }: Pick<MessageRow, "sessionId" | "sequence">,
  ): Promise<number> {
    const sql = "SELECT bytes FROM messages WHERE session_id = ? AND sequence = ?";
    const { rows } = await connection.query(sql, [sessionId, sequence]);
    return Number(rows[0]?.bytes ?? 0);
  }

  /** Adds text to a message. */
  async extend(connection: Connection, text: string, growth: Growth): Promise<void> {
    await connection.query(this.#extend, [text, ...this.#toParameters(growth)]);
  }

  /** Adds text to a message, and sets its parts and how it stands. */
  async rewrite(connection: Connection, text: string, change: Rewrite): Promise<void> {
    const { parts, status, tokenCount } = change;
    const parameters = [text, parts, status, tokenCount, ...this.#toParameters(change)];
    await connection.query(this.#rewrite, parameters);
  }

  #toParameters({ bytes, revision, updatedAt, sessionId, sequence }: Growth): readonly unknown[] {
    const time = this.#table.toParameter("updatedAt", updatedAt);
    return [bytes, revision, time, sessionId, sequence];
  }
}
