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
import { AppendLane } from "./append-lane.js";
import { GroupSessions } from "./append-sessions.js";
import { recordClear, recordMessageChange } from "./change-rows.js";
import type { Connection, Database } from "./database.js";
import type { MessageRow } from "./entities.js";
import { LeaseRows } from "./lease-rows.js";
import { ERASED, fromMessageRow, requireMessage, toContentColumns } from "./message-row.js";
import { type MessageRowPage, MessageRows, type SizedBounds } from "./message-rows.js";
import {
  advanceTo,
  nextOf,
  type Revision,
  type SessionAdvance,
  type SessionHead,
  SessionRows,
} from "./session-row.js";

/** Keeps messages in a database. */
export class TypeOrmMessageStorage implements MessageStorage {
  readonly #database: Database;
  readonly #sessions: SessionRows;
  readonly #messages: MessageRows;
  readonly #leases: LeaseRows;
  readonly #appends: AppendLane;

  constructor(database: Database, keepVersions: number) {
    this.#database = database;
    this.#sessions = new SessionRows(database);
    this.#messages = new MessageRows(database);
    this.#leases = new LeaseRows(database);
    this.#appends = new AppendLane(database, {
      sessions: new GroupSessions(database),
      messages: this.#messages,
      keepVersions,
    });
  }

  append(ref: SessionRef, request: Append): Promise<Appended> {
    return this.#appends.append(ref, request);
  }

  get(ref: SessionRef, messageId: string): Promise<Message> {
    return this.#database.read(async (connection) => {
      await this.#sessions.read(connection, ref);
      return fromMessageRow(await this.#find(connection, ref, messageId));
    });
  }

  read(ref: SessionRef, range: MessageRange, bounds: PageBounds): Promise<Page<Message>> {
    return this.#readPage(ref, bounds, (connection, sized) =>
      this.#messages.read(connection, ref.sessionId, range, sized),
    );
  }

  readKept(
    ref: SessionRef,
    range: Pick<MessageRange, "afterSequence" | "upToSequence">,
    bounds: PageBounds,
  ): Promise<Page<Message>> {
    return this.#readPage(ref, bounds, (connection, sized) =>
      this.#messages.readKept(connection, ref.sessionId, range, sized),
    );
  }

  #readPage(
    ref: SessionRef,
    bounds: PageBounds,
    read: (connection: Connection, bounds: SizedBounds) => Promise<MessageRowPage>,
  ): Promise<Page<Message>> {
    return this.#database.read(async (connection) => {
      const { largestMessageBytes: largestBytes } = await this.#sessions.read(connection, ref);
      const { rows, hasMore } = await read(connection, { ...bounds, largestBytes });
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
      if (before.status === "streaming") throw inProgress(messageId);
      requireVersion(`message ${messageId}`, row.version, expectedVersion);
      const next = nextOf(head);
      const changed = {
        ...toContentColumns(after),
        ...next,
        bytes: measureMessage(after),
        version: row.version + 1,
      };
      await connection.manager.update(connection.entities.message, placeOf(row), changed);
      await recordMessageChange(connection, head.id, row.sequence, next.revision);
      await this.#sessions.advance(connection, head.id, advanceTo(head, next, changed.bytes));
      return fromMessageRow({ ...row, ...changed });
    });
  }

  delete(ref: SessionRef, messageId: string): Promise<void> {
    return this.#database.lockingTransaction(ref.sessionId, async (connection) => {
      const head = await this.#sessions.lock(connection, ref);
      const row = await this.#find(connection, ref, messageId);
      const next = nextOf(head);
      const { manager, entities } = connection;
      await manager.update(entities.message, placeOf(row), toTombstone(next));
      await this.#leases.remove(connection, row);
      await recordMessageChange(connection, head.id, row.sequence, next.revision);
      await this.#sessions.advance(connection, head.id, withoutMessages(head, next, 1));
    });
  }

  clear(ref: SessionRef, afterSequence: number): Promise<number> {
    return this.#database.lockingTransaction(ref.sessionId, async (connection) => {
      const head = await this.#sessions.lock(connection, ref);
      const next = nextOf(head);
      const { affected = 0 } = await connection.manager.update(
        connection.entities.message,
        { sessionId: head.id, sequence: MoreThan(afterSequence), deletedAt: IsNull() },
        toTombstone(next),
      );
      if (affected === 0) return 0;
      await this.#leases.removeAfter(connection, head.id, afterSequence);
      const cleared = { afterSequence, throughSequence: head.headSequence };
      await recordClear(connection, head.id, cleared, next.revision);
      await this.#sessions.advance(connection, head.id, withoutMessages(head, next, affected));
      return affected;
    });
  }

  async #find(connection: Connection, ref: SessionRef, messageId: string): Promise<MessageRow> {
    const row = await this.#messages.find(connection, ref.sessionId, messageId);
    return requireMessage(row, ref, messageId);
  }
}

function placeOf({ sessionId, sequence }: MessageRow): Pick<MessageRow, "sessionId" | "sequence"> {
  return { sessionId, sequence };
}

function inProgress(messageId: string): StateError {
  const message = `message ${messageId} is being written: edit it when it is finished`;
  return new StateError("failed_precondition", "MESSAGE_IN_PROGRESS", message);
}

/** What a deleted message becomes; its hash goes too, since short text could be guessed from it. */
function toTombstone({ revision, updatedAt }: Revision): Partial<MessageRow> {
  const requestHash = Buffer.alloc(32);
  return { ...ERASED, requestHash, revision, updatedAt, deletedAt: updatedAt };
}

/** What a deletion of so many messages writes to the row of their session. */
function withoutMessages(head: SessionHead, next: Revision, count: number): SessionAdvance {
  return { ...advanceTo(head, next), messageCount: head.messageCount - count };
}
