import type { PassedMessage } from "../domain/history-cache/message-encoder.js";
import { parseJson } from "../domain/json.js";
import type { JsonObject, Message, MessageStatus, Role } from "../domain/model.js";
import type { Text } from "../domain/text.js";
import type { Connection } from "./database.js";
import type { Statement } from "./dialect.js";
import { fromStoredParts } from "./message-row.js";
import type { RawRow, RawRows } from "./raw-rows.js";

/** A message as one layer has it: its session is the layer. */
export type LayerMessage = Message;

/** What the texts and times of messages are made. */
interface Form<AText, ATime> {
  toText(value: unknown): AText;
  toTime(ms: number): ATime;
}

const DECODED: Form<string, Date> = { toText: String, toTime: (ms) => new Date(ms) };

const AS_READ: Form<Text, number> = { toText: (value) => value as Text, toTime: (ms) => ms };

/** How many columns there are: the next one is not a message's. */
const COLUMN_COUNT = 16;

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
      // Few messages are ever changed: for the others, there is one time less to read. It is not
      // NULLIF, of which MySQL makes text.
      time("CASE WHEN updated_at <> created_at THEN updated_at END"),
    ].join(", ");
  }

  /**
   * Reads messages by a statement that selects {@link LiveMessageRows.columns} of rows with a
   * `session_id`. What rows have in one column more is handed over.
   */
  async read(
    connection: Connection,
    sessionId: string,
    statement: Statement,
    takeBeside?: (value: unknown) => void,
  ): Promise<LayerMessage[]> {
    const messages: LayerMessage[] = [];
    await connection.rawRows(statement, (row) => {
      messages.push(this.#toMessage(sessionId, row, DECODED));
      takeBeside?.(row[COLUMN_COUNT]);
    });
    return messages;
  }

  /** Reads messages as {@link LiveMessageRows.read} does, and passes them on one by one. */
  pass(
    connection: Connection,
    sessionId: string,
    statement: Statement,
    take: (message: PassedMessage) => void,
  ): Promise<void> {
    return connection.rawRows(statement, (row) => take(this.#toMessage(sessionId, row, AS_READ)));
  }

  #toMessage<AText, ATime>(sessionId: string, row: RawRow, form: Form<AText, ATime>) {
    const { toMs, toBytes } = this.#raw;
    const createdAt = form.toTime(toMs(row[14]));
    return {
      id: form.toText(row[1]),
      sessionId,
      sequence: Number(row[0]),
      role: String(row[2]) as Role,
      content: form.toText(row[3]),
      parts: row[4] === null ? [] : fromStoredParts(String(row[4])),
      metadata: row[5] === null ? {} : (parseJson(String(row[5])) as JsonObject),
      raw: row[6] === null ? undefined : { data: toBytes(row[6]), mediaType: String(row[7] ?? "") },
      pinned: Number(row[8]) === 1,
      status: String(row[9]) as MessageStatus,
      tokenCount: row[10] === null ? undefined : Number(row[10]),
      bytes: Number(row[11]),
      version: Number(row[12]),
      revision: Number(row[13]),
      createdAt,
      updatedAt: row[15] === null ? createdAt : form.toTime(toMs(row[15])),
    };
  }
}
