import type {
  Change,
  ChangeRange,
  StateVersion,
  WrittenMessage,
  WrittenTail,
} from "../domain/change-storage.js";
import type { Extent } from "../domain/model.js";
import type { Page } from "../domain/storage.js";
import { type ListedChange, listChanges } from "./change-list.js";
import type { Connection, Database } from "./database.js";
import type { AgentStateRow, MessageRow, SessionRow } from "./entities.js";
import { fromMessageRow, fromStoredParts } from "./message-row.js";
import { fromSessionRow } from "./session-row.js";
import { Table } from "./table.js";

/** Which changes of a session to read: from one that was listed to another, both inclusive. */
interface ListedRange {
  readonly sessionId: string;
  readonly first: number;
  readonly last: number;
  readonly lastSequence: number;
}

const BEING_WRITTEN = `FROM message_writes w
  JOIN messages m ON m.session_id = COALESCE(w.layer_id, w.session_id) AND m.sequence = w.sequence
  WHERE w.session_id = ?`;

/** Changes by their revisions. */
type Details = Map<number, Change>;

/** Reads changes, and messages that are being written. */
export class ChangePages {
  readonly #sessions: Table<SessionRow>;
  readonly #messages: Table<MessageRow>;
  readonly #states: Table<AgentStateRow>;
  readonly #contentFrom: string;

  constructor(database: Database) {
    this.#contentFrom = database.dialect.contentFrom;
    this.#sessions = new Table(database.describe(database.entities.session));
    this.#messages = new Table(database.describe(database.entities.message));
    this.#states = new Table(database.describe(database.entities.agentState));
  }

  /**
   * Reads the changes of a range that fit a page, with what came of them. What has changed
   * again meanwhile is left to a range of newer revisions.
   */
  async read(
    connection: Connection,
    sessionId: string,
    range: ChangeRange,
    maxItems: number,
  ): Promise<Page<Change>> {
    for (let afterRevision = range.afterRevision; ; ) {
      const rest = { ...range, afterRevision };
      const { items: listed, hasMore } = await listChanges(connection, sessionId, rest, maxItems);
      const items = await this.#readResults(connection, sessionId, listed);
      // Where all that was listed has changed again since, what follows it is still to come.
      if (items.length > 0 || !hasMore) return { items, hasMore };
      afterRevision = listed.at(-1)?.revision ?? afterRevision;
    }
  }

  /** Gives the messages of a session that are being written, by sequence. */
  async readBeingWritten(
    connection: Connection,
    sessionId: string,
  ): Promise<readonly WrittenMessage[]> {
    const sql = `SELECT m.id, m.sequence, m.revision, w.epoch ${BEING_WRITTEN} ORDER BY w.sequence`;
    const result = await connection.query(sql, [sessionId]);
    const rows = this.#messages.toRows<"id" | "sequence" | "revision">(result);
    return rows.map(({ id, sequence, revision }, index) => {
      const epoch = Number(result.rows[index]?.epoch);
      return { messageId: id, sequence, revision, epoch };
    });
  }

  /** Gives what a message that is being written has past an extent. */
  async readTail(
    connection: Connection,
    { sessionId, sequence }: Pick<MessageRow, "sessionId" | "sequence">,
    past: Extent,
  ): Promise<WrittenTail | undefined> {
    const sql = `SELECT m.revision, m.parts, ${this.#contentFrom} AS tail ${BEING_WRITTEN} AND w.sequence = ?`;
    const result = await connection.query(sql, [past.offset + 1, sessionId, sequence]);
    const [row] = this.#messages.toRows<"revision" | "parts">(result);
    if (row === undefined) return undefined;
    const text = Buffer.from(result.rows[0]?.tail as Uint8Array).toString();
    const parts = fromStoredParts(row.parts).slice(past.partCount);
    return { revision: row.revision, past, text, parts };
  }

  async #readResults(
    connection: Connection,
    sessionId: string,
    listed: readonly ListedChange[],
  ): Promise<readonly Change[]> {
    const range = toRange(sessionId, listed);
    const kinds = new Set(listed.map(({ kind }) => kind));
    const details: Details = new Map(listed.flatMap(toCleared));
    if (kinds.has("message")) await this.#readMessages(connection, range, details);
    if (kinds.has("state_put")) await this.#readPutStates(connection, range, details);
    if (kinds.has("state_deleted")) await this.#readDeletedStates(connection, range, details);
    if (kinds.has("session")) await this.#readSession(connection, range, details);
    return listed.flatMap(({ revision }) => details.get(revision) ?? []);
  }

  get #messageColumns(): string {
    return this.#messages.columns.replaceAll(/\w+/g, "m.$&");
  }

  async #readMessages(
    connection: Connection,
    { sessionId, first, last, lastSequence }: ListedRange,
    details: Details,
  ): Promise<void> {
    const sql = `SELECT ${this.#messageColumns}, c.revision AS change_revision FROM session_changes c
      JOIN messages m ON m.session_id = COALESCE(c.layer_id, c.session_id) AND m.sequence = c.sequence
      WHERE c.session_id = ? AND c.kind = 'message' AND c.revision BETWEEN ? AND ? AND m.sequence <= ?
      ORDER BY c.revision`;
    const result = await connection.query(sql, [sessionId, first, last, lastSequence]);
    for (const [index, row] of this.#messages.toRows(result).entries()) {
      const revision = Number(result.rows[index]?.change_revision);
      details.set(revision, toMessageChange(revision, row, sessionId));
    }
  }

  async #readPutStates(
    connection: Connection,
    { sessionId, first, last }: ListedRange,
    details: Details,
  ): Promise<void> {
    const sql = `SELECT state_key, version, media_type, revision FROM agent_state
      WHERE session_id = ? AND revision BETWEEN ? AND ?
        AND deleted_at IS NULL AND (state IS NOT NULL OR data IS NOT NULL)
      ORDER BY revision, state_key, version`;
    const result = await connection.query(sql, [sessionId, first, last]);
    const puts = new Map<number, StateVersion[]>();
    for (const row of this.#states.toRows<"stateKey" | "version" | "mediaType" | "revision">(
      result,
    )) {
      const { revision, stateKey: key, version, mediaType } = row;
      const states = puts.get(revision) ?? [];
      states.push({ key, version, mediaType });
      puts.set(revision, states);
      details.set(revision, { type: "state_put", revision, states });
    }
  }

  async #readDeletedStates(
    connection: Connection,
    { sessionId, first, last }: ListedRange,
    details: Details,
  ): Promise<void> {
    const sql = `SELECT state_key, revision, MAX(version) AS version FROM agent_state
      WHERE session_id = ? AND revision BETWEEN ? AND ? AND deleted_at IS NOT NULL
      GROUP BY revision, state_key`;
    const result = await connection.query(sql, [sessionId, first, last]);
    for (const row of this.#states.toRows<"stateKey" | "version" | "revision">(result)) {
      const { revision, stateKey: key, version } = row;
      details.set(revision, { type: "state_deleted", revision, key, version });
    }
  }

  async #readSession(
    connection: Connection,
    { sessionId, first, last }: ListedRange,
    details: Details,
  ): Promise<void> {
    const columns = this.#sessions.columns.replaceAll(/\w+/g, "s.$&");
    const sql = `SELECT ${columns}, c.revision AS made_revision FROM session_changes c
      JOIN sessions s ON s.id = c.session_id
      WHERE c.session_id = ? AND c.kind = 'session' AND c.revision BETWEEN ? AND ?`;
    const result = await connection.query(sql, [sessionId, first, last]);
    const [row] = this.#sessions.toRows(result);
    if (row === undefined) return;
    const revision = Number(result.rows[0]?.made_revision);
    details.set(revision, { type: "session_updated", revision, session: fromSessionRow(row) });
  }
}

function toRange(sessionId: string, listed: readonly ListedChange[]): ListedRange {
  const sequences = listed.map((change) => (change.kind === "message" ? change.sequence : 0));
  return {
    sessionId,
    first: listed[0]?.revision ?? 0,
    last: listed.at(-1)?.revision ?? 0,
    lastSequence: Math.max(0, ...sequences),
  };
}

function toCleared(listed: ListedChange): readonly (readonly [number, Change])[] {
  if (listed.kind !== "clear") return [];
  const { revision, sequence: afterSequence, throughSequence } = listed;
  return [[revision, { type: "messages_cleared", revision, afterSequence, throughSequence }]];
}

function toMessageChange(revision: number, row: MessageRow, sessionId: string): Change {
  return row.deletedAt === null
    ? { type: "message_updated", revision, message: fromMessageRow(row, sessionId) }
    : { type: "message_deleted", revision, messageId: row.id, sequence: row.sequence };
}
