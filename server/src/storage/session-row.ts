import type { SessionPosition } from "../domain/change-storage.js";
import { StateError } from "../domain/errors.js";
import { parseJson } from "../domain/json.js";
import { measureMetadata } from "../domain/metadata-size.js";
import type { JsonObject, Session } from "../domain/model.js";
import type { SessionRef } from "../domain/storage.js";
import type { Connection, Database } from "./database.js";
import type { Statement } from "./dialect.js";
import type { SessionRow } from "./entities.js";
import { HeadRows } from "./head-rows.js";
import { Table } from "./table.js";

/** What a change of a session needs to know of it. */
export type SessionHead = Pick<
  SessionRow,
  | "id"
  | "tenantId"
  | "userId"
  | "agentId"
  | "headSequence"
  | "messageCount"
  | "revision"
  | "version"
  | "changeRevision"
  | "largestMessageBytes"
  | "updatedAt"
  | "deletedAt"
  | "frozenThrough"
  | "isLayered"
  | "editLayerId"
  | "treeId"
>;

/** A session that was appended to: its head before and after. */
export interface HeadAdvance {
  readonly before: SessionHead;
  readonly after: SessionHead;
}

/**
 * What tells whether a session is as it is known to be. Its revision alone would do, unless the
 * database goes back to an earlier state, and comes to the same revision by other changes.
 */
export const TELLING_COLUMNS = [
  "revision",
  "change_revision",
  "head_sequence",
  "message_count",
  "largest_message_bytes",
] as const;

/** Gives the values of {@link TELLING_COLUMNS}. */
export function tellingOf(head: TellingHead): readonly number[] {
  const { revision, changeRevision, headSequence, messageCount, largestMessageBytes } = head;
  return [revision, changeRevision, headSequence, messageCount, largestMessageBytes];
}

/** What {@link tellingOf} needs of a session. */
export type TellingHead = Pick<
  SessionHead,
  "revision" | "changeRevision" | "headSequence" | "messageCount" | "largestMessageBytes"
>;

/** The columns of a {@link SessionHead}. */
export const HEAD_COLUMNS =
  "id, tenant_id, user_id, agent_id, head_sequence, message_count, revision, version, change_revision, largest_message_bytes, updated_at, deleted_at, frozen_through, is_layered, edit_layer_id, tree_id";

/** What a session that is created begins with. */
export type SessionBeginning = Pick<
  SessionRow,
  | "headSequence"
  | "messageCount"
  | "revision"
  | "largestMessageBytes"
  | "forkSessionId"
  | "forkSequence"
  | "frozenThrough"
  | "isLayered"
  | "treeId"
>;

/** What a change of a session writes to its row: a column, its kind, and the property that has it. */
export const ADVANCED = [
  ["head_sequence", "bigint", "headSequence"],
  ["message_count", "bigint", "messageCount"],
  ["revision", "bigint", "revision"],
  ["change_revision", "bigint", "changeRevision"],
  ["largest_message_bytes", "integer", "largestMessageBytes"],
  ["updated_at", "time", "updatedAt"],
] as const;

/** What a change of a session writes to its row. */
export type SessionAdvance = Pick<SessionRow, (typeof ADVANCED)[number][2]>;

/** Reads, locks and advances the rows of sessions. */
export class SessionRows {
  readonly #table: Table<SessionRow>;
  readonly #heads: HeadRows;
  readonly #read: string;
  readonly #lock: string;
  readonly #lockIfFree: string;
  readonly #advance: string;
  readonly #advanceFrom: string;

  constructor(database: Database) {
    this.#table = new Table(database.describe(database.entities.session));
    this.#heads = new HeadRows(database.dialect.rawRows);
    this.#read = `SELECT ${this.#heads.columns} FROM sessions WHERE id = ?`;
    this.#lock = `${this.#read} ${database.dialect.forUpdate}`;
    this.#lockIfFree = `${this.#read} ${database.dialect.forUpdateOfFree}`;
    const values = ADVANCED.map(([name]) => `${name} = ?`).join(", ");
    this.#advance = `UPDATE sessions SET ${values} WHERE id = ?`;
    const isAsKnown = TELLING_COLUMNS.map((column) => `${column} = ?`).join(" AND ");
    this.#advanceFrom = `${this.#advance} AND ${isAsKnown}`;
  }

  /**
   * Reads a session that is there.
   *
   * @throws StateError `not_found` if it is not, or is deleted.
   */
  async read(connection: Connection, ref: SessionRef): Promise<SessionHead> {
    return this.#find(connection, ref, this.#read);
  }

  /**
   * Reads a session that is there, and keeps all others from changing it until the
   * transaction ends.
   *
   * @throws StateError `not_found` if it is not, or is deleted.
   */
  async lock(connection: Connection, ref: SessionRef): Promise<SessionHead> {
    return this.#find(connection, ref, this.#lock);
  }

  /**
   * Locks a session as {@link lock} does, of any tenant and without waiting: gives undefined
   * if another transaction has locked it, or it is not there.
   */
  async lockIfFree(connection: Connection, id: string): Promise<SessionHead | undefined> {
    const head = await this.#heads.find(connection, this.#lockIfFree, id);
    return head?.deletedAt === null ? head : undefined;
  }

  /** Writes what has changed of a session that is locked. */
  async advance(connection: Connection, id: string, advance: SessionAdvance): Promise<void> {
    await connection.query(...this.toAdvance(id, advance));
  }

  /** Gives the statement that writes what has changed of a session; only if it is as it is known, where that is given. */
  toAdvance(id: string, advance: SessionAdvance, known?: TellingHead): Statement {
    const values = ADVANCED.map(([, , property]) =>
      this.#table.toParameter(property, advance[property]),
    );
    const parameters = [...values, id];
    if (known === undefined) return [this.#advance, parameters];
    return [this.#advanceFrom, [...parameters, ...tellingOf(known)]];
  }

  async #find(connection: Connection, ref: SessionRef, sql: string): Promise<SessionHead> {
    return requireSession(await this.#heads.find(connection, sql, ref.sessionId), ref);
  }
}

/**
 * Gives the row of a session that the tenant has and has not deleted.
 *
 * @throws StateError `not_found` SESSION_NOT_FOUND or SESSION_DELETED otherwise.
 */
export function requireSession<Row extends Pick<SessionRow, "tenantId" | "deletedAt">>(
  row: Row | null | undefined,
  { tenantId, sessionId }: SessionRef,
): Row {
  if (!row || row.tenantId !== tenantId) {
    throw new StateError("not_found", "SESSION_NOT_FOUND", `there is no session ${sessionId}`);
  }
  if (row.deletedAt !== null) {
    throw new StateError("not_found", "SESSION_DELETED", `session ${sessionId} was deleted`);
  }
  return row;
}

/** Gives how far the session of a row has come. */
export function positionOf(head: SessionHead): SessionPosition {
  const { headSequence, messageCount, revision, changeRevision } = head;
  return { headSequence, messageCount, revision, changeRevision };
}

/** The time of a change of a session: now, or its last change if the clock ran backwards. */
export function changeTime(session: Pick<SessionRow, "updatedAt">): Date {
  return new Date(Math.max(Date.now(), session.updatedAt.getTime()));
}

/** What a change of a session stamps on what it changes. */
export type Revision = Pick<SessionRow, "revision" | "updatedAt">;

/** Gives the next revision of a session, at its time. */
export function nextOf(head: SessionHead): Revision {
  return { revision: head.revision + 1, updatedAt: changeTime(head) };
}

/**
 * Gives what a change that appends no messages writes to the row of its session, where it
 * made a message as large as `messageBytes`.
 */
export function advanceTo(head: SessionHead, next: Revision, messageBytes = 0): SessionAdvance {
  const largestMessageBytes = Math.max(head.largestMessageBytes, messageBytes);
  return { ...head, ...next, changeRevision: next.revision, largestMessageBytes };
}

/** Finds the row of the session with an id, of whatever tenant, deleted ones included. */
export function findById(
  { manager, entities }: Connection,
  id: string,
): Promise<SessionRow | null> {
  return manager.findOneBy(entities.session, { id });
}

/** Finds the row of the session with a key. */
export function findByKey(
  { manager, entities }: Connection,
  tenantId: string,
  sessionKey: string,
): Promise<SessionRow | null> {
  return manager.findOneBy(entities.session, { tenantId, sessionKey });
}

/** Measures what a session takes on the wire beside what every one takes, in bytes. */
export function measureSession(title: string, metadata: JsonObject): number {
  return Buffer.byteLength(title) + measureMetadata(metadata);
}

/** Gives the session that a row holds. */
export function fromSessionRow(row: SessionRow): Session {
  return {
    id: row.id,
    key: row.sessionKey ?? undefined,
    userId: row.userId ?? undefined,
    agentId: row.agentId ?? undefined,
    title: row.title,
    metadata: parseJson(row.metadata) as JsonObject,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    headSequence: row.headSequence,
    messageCount: row.messageCount,
    revision: row.revision,
    version: row.version,
    forkSessionId: row.forkSessionId ?? undefined,
    forkSequence: row.forkSequence,
  };
}
