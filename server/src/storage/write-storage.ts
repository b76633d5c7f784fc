import { type ErrorCode, StateError } from "../domain/errors.js";
import { idReused, isRepeated } from "../domain/idempotency.js";
import type { Message } from "../domain/model.js";
import { measureMessage } from "../domain/new-message.js";
import type { SessionRef } from "../domain/storage.js";
import type {
  NewWrite,
  StartedWrite,
  WriteEnd,
  WriteRef,
  WriteStorage,
  WrittenText,
} from "../domain/write-storage.js";
import { findCalls, insertCalls } from "./api-call-rows.js";
import { layerOf, type MessagePlace, recordMessageChange } from "./change-rows.js";
import type { Connection, Database } from "./database.js";
import type { MessageRow } from "./entities.js";
import { requireHead } from "./expected-head.js";
import { type Lease, LeaseRows } from "./lease-rows.js";
import { fromMessageRow, requireMessage, toContentColumns, toMessageRow } from "./message-row.js";
import { SessionMessages } from "./session-messages.js";
import { advanceTo, nextOf, type Revision, type SessionHead, SessionRows } from "./session-row.js";
import { interruptMessages } from "./write-interruption.js";
import { WrittenMessageRows } from "./written-message-rows.js";

/** What a finish, or a checkpoint with parts, makes of a message. */
type Addition = WrittenText & Pick<Message, "status"> & Pick<WriteEnd, "allParts" | "tokenCount">;

/** What grows: the message, the place of its row, and the revision in which it does. */
interface Growth {
  readonly ref: WriteRef;
  readonly place: MessagePlace;
  readonly next: Revision;
}

/** What a writer is told whose message is not its own any more. */
const ENDS: ReadonlySet<ErrorCode> = new Set(["not_found", "aborted"]);

/** Keeps messages that are being written in a database. */
export class TypeOrmWriteStorage implements WriteStorage {
  readonly #database: Database;
  readonly #sessions: SessionRows;
  readonly #messages: SessionMessages;
  readonly #written: WrittenMessageRows;
  readonly #leases: LeaseRows;
  readonly #maxMessageBytes: number;

  constructor(database: Database, maxMessageBytes: number) {
    this.#database = database;
    this.#sessions = new SessionRows(database);
    this.#messages = new SessionMessages(database);
    this.#written = new WrittenMessageRows(database);
    this.#leases = new LeaseRows(database);
    this.#maxMessageBytes = maxMessageBytes;
  }

  start(ref: SessionRef, write: NewWrite): Promise<StartedWrite> {
    return this.#database.lockingTransaction(ref.sessionId, async (connection) => {
      const head = await this.#sessions.lock(connection, ref);
      const { message } = write;
      const row = await this.#messages.find(connection, head, message.id);
      if (row === undefined) return this.#begin(connection, head, write);
      isRepeated("message", [message], [{ ...row, isDeleted: row.deletedAt !== null }]);
      const { headSequence, revision } = head;
      const found = { message: fromMessageRow(row, head.id), isNew: false, headSequence };
      if (row.status === "complete") return { ...found, epoch: undefined, revision };
      const place = { sessionId: head.id, sequence: row.sequence };
      requireFree(row, await this.#leases.find(connection, place), write.writerId);
      return { ...found, ...(await this.#takeOver(connection, head, row, write)) };
    });
  }

  checkpoint(ref: WriteRef, written: WrittenText, leaseMs: number): Promise<number> {
    return this.#continue(ref, async (connection, head, place) => {
      const next = nextOf(head);
      const growth = { ref, place, next };
      const bytes =
        written.parts.length === 0
          ? await this.#extend(connection, growth, written.text)
          : (await this.#add(connection, head, growth, toAddition(written))).bytes;
      await this.#leases.renew(connection, ref, leaseMs);
      await this.#sessions.advance(connection, head.id, advanceTo(head, next, bytes));
      return next.revision;
    });
  }

  renew(ref: WriteRef, leaseMs: number): Promise<void> {
    return this.#continue(ref, (connection) => this.#leases.renew(connection, ref, leaseMs));
  }

  async release(ref: WriteRef): Promise<void> {
    try {
      await this.#continue(ref, (connection) => this.#leases.release(connection, ref));
    } catch (error) {
      const hasEnded = error instanceof StateError && ENDS.has(error.code);
      if (!hasEnded) throw error;
    }
  }

  finish(ref: WriteRef, end: WriteEnd): Promise<{ message: Message; revision: number }> {
    return this.#continue(ref, async (connection, head, place) => {
      const next = nextOf(head);
      const message = await this.#add(connection, head, { ref, place, next }, end);
      await this.#leases.remove(connection, ref);
      await recordMessageChange(connection, head.id, place, next.revision);
      await this.#sessions.advance(connection, head.id, advanceTo(head, next, message.bytes));
      await this.#recordCall(connection, ref.tenantId, end);
      return { message, revision: next.revision };
    });
  }

  interruptExpired(): Promise<readonly string[]> {
    return interruptMessages(this.#database, { onlyExpired: true });
  }

  /** Records the call that produced a message, unless a finish that was interrupted did. */
  async #recordCall(
    connection: Connection,
    tenantId: string,
    { apiCall }: WriteEnd,
  ): Promise<void> {
    if (apiCall === undefined) return;
    const [known] = await findCalls(connection, tenantId, [apiCall]);
    if (known !== undefined) return;
    try {
      await insertCalls(connection, tenantId, [apiCall]);
    } catch (error) {
      if (!this.#database.isUniqueViolation(error)) throw error;
      throw idReused(`API call ${apiCall.id} is stored by another call`);
    }
  }

  /** Runs what continues a writing, if it is still what the ref says. */
  #continue<T>(
    ref: WriteRef,
    work: (connection: Connection, head: SessionHead, place: MessagePlace) => Promise<T>,
  ): Promise<T> {
    return this.#database.lockingTransaction(ref.sessionId, async (connection) => {
      const head = await this.#sessions.lock(connection, ref);
      const lease = await this.#leases.find(connection, ref);
      if (lease?.epoch === ref.epoch) {
        const place = { sessionId: lease.layerId ?? head.id, sequence: ref.sequence };
        return work(connection, head, place);
      }
      const row = await this.#messages.find(connection, head, ref.messageId);
      throw endOf(requireMessage(row, head.id, ref.messageId));
    });
  }

  async #begin(connection: Connection, head: SessionHead, write: NewWrite): Promise<StartedWrite> {
    requireHead(head, 1, write.expectedHeadSequence);
    const { revision, updatedAt } = nextOf(head);
    const sequence = head.headSequence + 1;
    const place = { sessionId: head.id, sequence, revision, time: updatedAt };
    const row: MessageRow = { ...toMessageRow(write.message, place), status: "streaming" };
    await this.#messages.insert(connection, [row]);
    await this.#leases.put(connection, { ...place, ...write, layerId: null, epoch: revision });
    await this.#sessions.advance(connection, head.id, {
      headSequence: sequence,
      messageCount: head.messageCount + 1,
      revision,
      // This is an append, which followers find by the head.
      changeRevision: head.changeRevision,
      largestMessageBytes: Math.max(head.largestMessageBytes, row.bytes),
      updatedAt,
    });
    const message = fromMessageRow(row, head.id);
    return { message, epoch: revision, isNew: true, headSequence: sequence, revision };
  }

  async #takeOver(
    connection: Connection,
    head: SessionHead,
    row: MessageRow,
    { writerId, leaseMs }: NewWrite,
  ): Promise<Pick<StartedWrite, "message" | "epoch" | "revision">> {
    const next = nextOf(head);
    const { id: sessionId } = head;
    const { sessionId: placeId, sequence } = await this.#messages.own(connection, head, row);
    const place = { sessionId: placeId, sequence };
    const changed = { status: "streaming", ...next };
    const { manager, entities } = connection;
    await manager.update(entities.message, place, changed);
    const epoch = next.revision;
    const layerId = layerOf(place, sessionId);
    await this.#leases.put(connection, { sessionId, sequence, epoch, writerId, layerId, leaseMs });
    await recordMessageChange(connection, sessionId, place, epoch);
    await this.#sessions.advance(connection, sessionId, advanceTo(head, next));
    return { message: fromMessageRow({ ...row, ...changed }, sessionId), epoch, revision: epoch };
  }

  /** Adds text to a message, and gives its new size. */
  async #extend(
    connection: Connection,
    { ref, place, next }: Growth,
    text: string,
  ): Promise<number> {
    const bytes = (await this.#written.measure(connection, place)) + Buffer.byteLength(text);
    this.#requireSize(ref, bytes);
    await this.#written.extend(connection, text, { ...place, bytes, ...next });
    return bytes;
  }

  /** Adds text and parts to a message, and gives the whole of it. */
  async #add(
    connection: Connection,
    head: SessionHead,
    { ref, place, next }: Growth,
    { text, parts, allParts, status, tokenCount }: Addition,
  ): Promise<Message> {
    const row = await this.#messages.find(connection, head, ref.messageId);
    const before = fromMessageRow(requireMessage(row, head.id, ref.messageId), head.id);
    const message = {
      ...before,
      ...next,
      content: before.content + text,
      parts: allParts ?? [...before.parts, ...parts],
      status,
      tokenCount: tokenCount ?? before.tokenCount,
    };
    const bytes = measureMessage(message);
    this.#requireSize(ref, bytes);
    const rewrite = { ...toContentColumns(message), ...place, status, bytes, ...next };
    await this.#written.rewrite(connection, text, rewrite);
    return { ...message, bytes };
  }

  #requireSize({ messageId }: WriteRef, bytes: number): void {
    if (bytes <= this.#maxMessageBytes) return;
    const message = `message ${messageId} would have ${bytes} bytes, and may have ${this.#maxMessageBytes}: finish it, and go on in another one`;
    throw new StateError("resource_exhausted", "LIMIT_EXCEEDED", message);
  }
}

function toAddition(written: WrittenText): Addition {
  return { ...written, status: "streaming", allParts: undefined, tokenCount: undefined };
}

/** Requires that a writer may take over a message that is not finished. */
function requireFree({ id }: MessageRow, lease: Lease | undefined, writerId: string): void {
  if (lease === undefined || lease.hasExpired) return;
  if (lease.writerId === null || lease.writerId === writerId) return;
  const message = `message ${id} is being written by another writer: wait until that one has ended`;
  throw new StateError("aborted", "WRITER_ACTIVE", message);
}

/** The error of a writer whose message is not its own any more. */
function endOf({ id, status }: MessageRow): StateError {
  if (status === "interrupted") {
    const message = `the writing of message ${id} was interrupted, since its lease ran out or its server was started anew: start it again to go on`;
    return new StateError("aborted", "WRITE_INTERRUPTED", message);
  }
  const message = `message ${id} was taken over by another writer: leave it to that one`;
  return new StateError("aborted", "WRITER_REPLACED", message);
}
