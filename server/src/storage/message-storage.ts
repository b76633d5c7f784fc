import type { SessionPosition } from "../domain/change-storage.js";
import { StateError } from "../domain/errors.js";
import {
  type EncodedBounds,
  type EncodedPage,
  encodePage,
} from "../domain/history-cache/encoded-page.js";
import type { Message } from "../domain/model.js";
import { measureMessage } from "../domain/new-message.js";
import { hashMessage } from "../domain/request-hash.js";
import type {
  Append,
  Appended,
  LikelyRange,
  MessageChange,
  MessageRange,
  MessageStorage,
  Page,
  PageBounds,
  SessionRef,
} from "../domain/storage.js";
import { requireVersion } from "../domain/versions.js";
import { isReadAlone, type Opening } from "./alone-pages.js";
import { AppendLane } from "./append-lane.js";
import { GroupSessions } from "./append-sessions.js";
import { recordClear, recordMessageChange } from "./change-rows.js";
import type { Connection, Database } from "./database.js";
import type { MessageRow } from "./entities.js";
import { forgetOldest } from "./forget-oldest.js";
import { KnownHeads } from "./known-heads.js";
import { LeaseRows } from "./lease-rows.js";
import { MessageClearing } from "./message-clearing.js";
import { beginsAs, cutTo, isGapless, sizedFor, toPage } from "./message-pages.js";
import { fromMessageRow, requireMessage, toContentColumns, toTombstone } from "./message-row.js";
import { type MessagePlaces, SessionMessages } from "./session-messages.js";
import { SessionReads } from "./session-reads.js";
import {
  advanceTo,
  nextOf,
  positionOf,
  type Revision,
  type SessionAdvance,
  type SessionHead,
  SessionRows,
} from "./session-row.js";

/** Of how many sessions is remembered that a page of them takes more than one statement. */
const MAX_NOT_READ_ALONE = 10_000;

/** Keeps messages in a database. */
export class TypeOrmMessageStorage implements MessageStorage {
  readonly #database: Database;
  readonly #sessions: SessionRows;
  readonly #messages: SessionMessages;
  readonly #reads: SessionReads;
  readonly #clearing: MessageClearing;
  readonly #leases: LeaseRows;
  readonly #appends: AppendLane;
  /** Sessions that are shared, or have large messages: to try it by one statement would be in vain. */
  readonly #notReadAlone = new Set<string>();

  constructor(database: Database, keepVersions: number) {
    this.#database = database;
    this.#sessions = new SessionRows(database);
    this.#messages = new SessionMessages(database);
    this.#reads = new SessionReads(database);
    this.#clearing = new MessageClearing(this.#messages);
    this.#leases = new LeaseRows(database);
    this.#appends = new AppendLane(database, {
      sessions: new GroupSessions(database),
      messages: this.#messages,
      known: new KnownHeads(),
      keepVersions,
    });
  }

  append(ref: SessionRef, request: Append): Promise<Appended> {
    return this.#appends.append(ref, request);
  }

  async get(ref: SessionRef, messageId: string): Promise<Message> {
    const row = await this.#reads.read(
      ref,
      (connection, head) => this.#messages.find(connection, head, messageId),
      (found) => found !== undefined,
    );
    return fromMessageRow(requireMessage(row, ref.sessionId, messageId), ref.sessionId);
  }

  async read(ref: SessionRef, range: MessageRange, bounds: PageBounds): Promise<Page<Message>> {
    const alone = this.#mayReadAlone(ref)
      ? await this.#database.read((connection) =>
          this.#messages.alone.read(connection, ref, range, bounds),
        )
      : undefined;
    // An empty one may not be all: the session may be one that is not read so.
    if (alone !== undefined && alone.rows.length > 0) return toPage(ref, alone);
    return this.#readPlaced(ref, range, bounds);
  }

  async readEncoded(
    ref: SessionRef,
    range: MessageRange,
    bounds: EncodedBounds,
  ): Promise<EncodedPage> {
    const alone = this.#mayReadAlone(ref)
      ? await this.#database.read((connection) =>
          this.#messages.alone.encode(connection, ref, range, bounds),
        )
      : undefined;
    if (alone !== undefined && alone.messages.length > 0) return alone;
    return encodePage(await this.#readPlaced(ref, range, bounds), bounds.encode);
  }

  /** Whether a page may be read without looking at the session before. */
  #mayReadAlone({ sessionId }: SessionRef): boolean {
    return !this.#notReadAlone.has(sessionId);
  }

  #noteHead(head: SessionHead, bounds: PageBounds): void {
    if (isReadAlone(head, bounds)) return;
    this.#notReadAlone.add(head.id);
    forgetOldest(this.#notReadAlone, MAX_NOT_READ_ALONE);
  }

  /** Reads a page wherever the messages lie. */
  async #readPlaced(
    ref: SessionRef,
    range: MessageRange,
    bounds: PageBounds,
  ): Promise<Page<Message>> {
    const page = await this.#reads.read(
      ref,
      (connection, head) => {
        this.#noteHead(head, bounds);
        return this.#messages.read(connection, head, range, sizedFor(head, bounds));
      },
      (found) => isGapless(found, range),
    );
    return toPage(ref, page);
  }

  async readFrom(
    ref: SessionRef,
    choose: (position: SessionPosition) => MessageRange | undefined,
    bounds: PageBounds,
    likely?: LikelyRange,
  ): Promise<{ position: SessionPosition; page: Page<Message> | undefined }> {
    const opening = likely && (await this.#open(ref, likely, bounds));
    if (opening !== undefined && likely !== undefined) {
      const { position } = opening;
      const range = choose(position);
      if (range === undefined) return { position, page: undefined };
      if (beginsAs(range, likely)) {
        return { position, page: toPage(ref, cutTo(range, opening.page)) };
      }
    }
    const { position, read } = await this.#reads.read(
      ref,
      async (connection, head) => {
        this.#noteHead(head, bounds);
        const position = positionOf(head);
        const range = choose(position);
        if (range === undefined) return { position };
        const page = await this.#messages.read(connection, head, range, sizedFor(head, bounds));
        return { position, read: { range, page } };
      },
      ({ read }) => read === undefined || isGapless(read.page, read.range),
    );
    return { position, page: read && toPage(ref, read.page) };
  }

  /** Reads where a session is and what is likely to be asked for by one statement, if that saves a round trip. */
  async #open(
    ref: SessionRef,
    likely: LikelyRange,
    bounds: PageBounds,
  ): Promise<Opening | undefined> {
    if (this.#database.dialect.singleConnection || !this.#mayReadAlone(ref)) return undefined;
    return this.#database.read((connection) =>
      this.#messages.alone.open(connection, ref, likely, bounds),
    );
  }

  async readKept(
    ref: SessionRef,
    range: Pick<MessageRange, "afterSequence" | "upToSequence">,
    bounds: PageBounds,
  ): Promise<Page<Message>> {
    const page = await this.#reads.read(
      ref,
      (connection, head) =>
        this.#messages.readKept(connection, head, range, sizedFor(head, bounds)),
      () => false,
    );
    return toPage(ref, page);
  }

  sequenceBeforeLast(ref: SessionRef, count: number, upToSequence: number): Promise<number> {
    return this.#reads.read(
      ref,
      (connection, head) =>
        this.#messages.sequenceBeforeLast(connection, head, { count, upToSequence }),
      (sequence) => sequence === upToSequence - count,
    );
  }

  update(
    ref: SessionRef,
    messageId: string,
    change: MessageChange,
    expectedVersion: number | undefined,
  ): Promise<Message> {
    return this.#database.lockingTransaction(ref.sessionId, async (connection) => {
      const head = await this.#sessions.lock(connection, ref);
      const row = await this.#find(connection, head, messageId);
      const before = fromMessageRow(row, head.id);
      const after = { ...before, ...change };
      if (Buffer.compare(hashMessage(before, before.role), hashMessage(after, before.role)) === 0)
        return before;
      if (before.status === "streaming") throw inProgress(messageId);
      requireVersion(`message ${messageId}`, row.version, expectedVersion);
      const next = nextOf(head);
      const changed = {
        ...toContentColumns(after),
        ...next,
        bytes: measureMessage(after),
        version: row.version + 1,
      };
      const place = placeOf(await this.#messages.own(connection, head, row));
      await connection.manager.update(connection.entities.message, place, changed);
      await recordMessageChange(connection, head.id, place, next.revision);
      await this.#sessions.advance(connection, head.id, advanceTo(head, next, changed.bytes));
      return fromMessageRow({ ...row, ...changed }, head.id);
    });
  }

  delete(ref: SessionRef, messageId: string): Promise<void> {
    return this.#database.lockingTransaction(ref.sessionId, async (connection) => {
      const head = await this.#sessions.lock(connection, ref);
      const row = await this.#find(connection, head, messageId);
      const next = nextOf(head);
      const place = placeOf(await this.#messages.own(connection, head, row));
      const { manager, entities } = connection;
      await manager.update(entities.message, place, toTombstone(next));
      await this.#leases.remove(connection, { sessionId: head.id, sequence: row.sequence });
      await recordMessageChange(connection, head.id, place, next.revision);
      await this.#sessions.advance(connection, head.id, withoutMessages(head, next, 1));
    });
  }

  clear(ref: SessionRef, afterSequence: number): Promise<number> {
    return this.#database.lockingTransaction(ref.sessionId, async (connection) => {
      const head = await this.#sessions.lock(connection, ref);
      const next = nextOf(head);
      const affected = await this.#clearing.clear(connection, head, afterSequence, next);
      if (affected === 0) return 0;
      await this.#leases.removeAfter(connection, head.id, afterSequence);
      const cleared = { afterSequence, throughSequence: head.headSequence };
      await recordClear(connection, head.id, cleared, next.revision);
      await this.#sessions.advance(connection, head.id, withoutMessages(head, next, affected));
      return affected;
    });
  }

  async #find(
    connection: Connection,
    session: MessagePlaces,
    messageId: string,
  ): Promise<MessageRow> {
    const row = await this.#messages.find(connection, session, messageId);
    return requireMessage(row, session.id, messageId);
  }
}

function placeOf({ sessionId, sequence }: MessageRow): Pick<MessageRow, "sessionId" | "sequence"> {
  return { sessionId, sequence };
}

function inProgress(messageId: string): StateError {
  const message = `message ${messageId} is being written: edit it when it is finished`;
  return new StateError("failed_precondition", "MESSAGE_IN_PROGRESS", message);
}

/** What a deletion of so many messages writes to the row of their session. */
function withoutMessages(head: SessionHead, next: Revision, count: number): SessionAdvance {
  return { ...advanceTo(head, next), messageCount: head.messageCount - count };
}
