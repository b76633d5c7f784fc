import { IsNull, MoreThan } from "typeorm";
import { StateError } from "../domain/errors.js";
import type { Message } from "../domain/model.js";
import { measureMessage } from "../domain/new-message.js";
import { hashMessage } from "../domain/request-hash.js";
import type {
  Append,
  Appended,
  MessageChange,
  MessageRange,
  MessageStorage,
  Page,
  PageBounds,
  SessionRef,
} from "../domain/storage.js";
import { requireVersion } from "../domain/versions.js";
import { append } from "./append.js";
import type { Connection, Database } from "./database.js";
import type { MessageRow } from "./entities.js";
import { ERASED, fromMessageRow, toContentColumns } from "./message-row.js";
import { MessageRows } from "./message-rows.js";
import { changeTime, type SessionHead, SessionRows } from "./session-row.js";

/** Keeps messages in a database. */
export class TypeOrmMessageStorage implements MessageStorage {
  readonly #database: Database;
  readonly #sessions: SessionRows;
  readonly #messages: MessageRows;
  readonly #keepVersions: number;

  constructor(database: Database, keepVersions: number) {
    this.#database = database;
    this.#sessions = new SessionRows(database);
    this.#messages = new MessageRows(database);
    this.#keepVersions = keepVersions;
  }

  append(ref: SessionRef, request: Append): Promise<Appended> {
    return append(this.#database, ref, request, {
      sessions: this.#sessions,
      messages: this.#messages,
      keepVersions: this.#keepVersions,
    });
  }

  get(ref: SessionRef, messageId: string): Promise<Message> {
    return this.#database.read(async (connection) => {
      await this.#sessions.read(connection, ref);
      return fromMessageRow(await this.#find(connection, ref, messageId));
    });
  }

  read(ref: SessionRef, range: MessageRange, bounds: PageBounds): Promise<Page<Message>> {
    return this.#database.read(async (connection) => {
      const { largestMessageBytes } = await this.#sessions.read(connection, ref);
      const { rows, hasMore } = await this.#messages.read(connection, ref.sessionId, range, {
        ...bounds,
        largestBytes: largestMessageBytes,
      });
      // A session that was deleted in between must not look like one that ends here.
      if (!hasMore) await this.#sessions.read(connection, ref);
      return { items: rows.map(fromMessageRow), hasMore };
    });
  }

  sequenceBeforeLast(ref: SessionRef, count: number, upToSequence: number): Promise<number> {
    return this.#database.read(async (connection) => {
      await this.#sessions.read(connection, ref);
      const range = { count, upToSequence };
      return this.#messages.sequenceBeforeLast(connection, ref.sessionId, range);
    });
  }

  update(
    ref: SessionRef,
    messageId: string,
    change: MessageChange,
    expectedVersion: number | undefined,
  ): Promise<Message> {
    return this.#database.lockingTransaction(ref.sessionId, async (connection) => {
      const head = await this.#sessions.lock(connection, ref);
      const row = await this.#find(connection, ref, messageId);
      const before = fromMessageRow(row);
      const after = { ...before, ...change };
      if (Buffer.compare(hashMessage(before), hashMessage(after)) === 0) return before;
      requireVersion(`message ${messageId}`, row.version, expectedVersion);
      const changed = {
        ...toContentColumns(after),
        bytes: measureMessage(after),
        version: row.version + 1,
        revision: head.revision + 1,
        updatedAt: changeTime(head),
      };
      await connection.manager.update(connection.entities.message, placeOf(row), changed);
      const largestMessageBytes = Math.max(head.largestMessageBytes, changed.bytes);
      await this.#advance(connection, { ...head, largestMessageBytes }, 0, changed.updatedAt);
      return fromMessageRow({ ...row, ...changed });
    });
  }

  delete(ref: SessionRef, messageId: string): Promise<void> {
    return this.#database.lockingTransaction(ref.sessionId, async (connection) => {
      const head = await this.#sessions.lock(connection, ref);
      const row = await this.#find(connection, ref, messageId);
      const time = changeTime(head);
      const { manager, entities } = connection;
      await manager.update(entities.message, placeOf(row), toTombstone(head, time));
      await this.#advance(connection, head, 1, time);
    });
  }

  clear(ref: SessionRef, afterSequence: number): Promise<number> {
    return this.#database.lockingTransaction(ref.sessionId, async (connection) => {
      const head = await this.#sessions.lock(connection, ref);
      const time = changeTime(head);
      const { affected = 0 } = await connection.manager.update(
        connection.entities.message,
        { sessionId: head.id, sequence: MoreThan(afterSequence), deletedAt: IsNull() },
        toTombstone(head, time),
      );
      if (affected > 0) await this.#advance(connection, head, affected, time);
      return affected;
    });
  }

  async #find(connection: Connection, ref: SessionRef, messageId: string): Promise<MessageRow> {
    const row = await this.#messages.find(connection, ref.sessionId, messageId);
    if (row === undefined) {
      const message = `session ${ref.sessionId} has no message ${messageId}`;
      throw new StateError("not_found", "MESSAGE_NOT_FOUND", message);
    }
    if (row.deletedAt !== null) {
      throw new StateError("not_found", "MESSAGE_DELETED", `message ${messageId} was deleted`);
    }
    return row;
  }

  /** Makes the session's next revision, with so many messages fewer. */
  #advance(
    connection: Connection,
    head: SessionHead,
    deletedCount: number,
    time: Date,
  ): Promise<void> {
    return this.#sessions.advance(connection, head.id, {
      ...head,
      messageCount: head.messageCount - deletedCount,
      revision: head.revision + 1,
      updatedAt: time,
    });
  }
}

function placeOf({ sessionId, sequence }: MessageRow): Pick<MessageRow, "sessionId" | "sequence"> {
  return { sessionId, sequence };
}

/** What a deleted message becomes; its hash goes too, since short text could be guessed from it. */
function toTombstone(head: SessionHead, time: Date): Partial<MessageRow> {
  const requestHash = Buffer.alloc(32);
  return { ...ERASED, requestHash, revision: head.revision + 1, updatedAt: time, deletedAt: time };
}
