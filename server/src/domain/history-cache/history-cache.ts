import type { ChangedMessages, SessionPosition } from "../change-storage.js";
import type { SessionRef, Storage } from "../storage.js";
import { type Block, Blocks } from "./blocks.js";

/** About how many bytes a session takes beside its blocks. */
const SESSION_BYTES = 1024;

/** With more changes than this, a session's history is read anew: each may cost a read of its own. */
const MAX_CHANGES = 16;

/** What is kept of one session. */
interface CachedSession {
  readonly blocks: Blocks;
  /** The blocks have what every revision up to this one made of their messages. */
  revision: number;
  /** The newest revision up to there that did anything but append messages. */
  changeRevision: number;
}

/**
 * Keeps the newest history of the sessions that were read last, encoded as it is sent, in a
 * bounded number of bytes.
 *
 * What it gives is never older than the position of the session that it is asked with, on
 * however many servers the session is changed: it is brought up to date by what the
 * database says has changed since. Messages that are being written are not to be put in:
 * their checkpoints are not listed as changes.
 */
export class HistoryCache {
  readonly #maxBytes: number;
  /** By the session's id, those that were read last at the end. */
  readonly #sessions = new Map<string, CachedSession>();
  #size = 0;

  /** It keeps nothing if `maxBytes` is 0. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** About how many bytes it holds. */
  get size(): number {
    return this.#size;
  }

  /** Tells whether it has what follows a sequence of a session, which may be out of date. */
  mayHold({ sessionId }: SessionRef, sequence: number): boolean {
    return this.#sessions.get(sessionId)?.blocks.find(sequence) !== undefined;
  }

  /** Tells whether it has to be brought up to date before it serves a session at a position. */
  isBehind({ sessionId }: SessionRef, { revision, changeRevision }: SessionPosition): boolean {
    const session = this.#sessions.get(sessionId);
    if (session === undefined || revision <= session.revision) return false;
    if (changeRevision > session.revision) return true;
    // Only messages were appended.
    session.revision = revision;
    return false;
  }

  /**
   * Tells whether it has read more of a session than a position that was read: somebody else was
   * faster, or the database has been taken back to a backup.
   */
  isAhead({ sessionId }: SessionRef, { revision }: SessionPosition): boolean {
    const session = this.#sessions.get(sessionId);
    return session !== undefined && revision < session.revision;
  }

  /**
   * Removes what has changed of a session since it was read, up to a position at the least, and
   * all of it if the database has been taken back.
   */
  async bringUpToDate(storage: Storage, ref: SessionRef, position: SessionPosition): Promise<void> {
    if (this.isAhead(ref, position)) await this.#forgetIfTakenBack(storage, ref);
    while (this.isBehind(ref, position)) {
      const session = this.#sessions.get(ref.sessionId);
      if (session === undefined) return;
      const { revision } = session;
      const changed = await storage.changes.changedMessages(ref, revision, MAX_CHANGES);
      // Where another reader was faster, what was put in since may be newer than this list.
      if (session.revision !== revision) continue;
      this.#resize(ref.sessionId, session, () => remove(session.blocks, changed));
      session.revision = position.revision;
      session.changeRevision = position.changeRevision;
      // What was cut apart takes more.
      this.#evict();
    }
  }

  /** Looks again: what is committed is there for whoever looks afterwards, unless it was taken back. */
  async #forgetIfTakenBack(storage: Storage, ref: SessionRef): Promise<void> {
    const session = this.#sessions.get(ref.sessionId);
    const reached = session?.revision ?? 0;
    const { revision } = await storage.changes.position(ref);
    if (session === undefined || revision >= reached) return;
    if (this.#sessions.get(ref.sessionId) === session) this.#forget(ref.sessionId, session);
  }

  /** Gives what is kept of a session that is at a position: it must not be behind. */
  view({ sessionId }: SessionRef, position: SessionPosition): HistoryView {
    return new HistoryView(this, sessionId, position);
  }

  /** Gives the blocks of a session if they are as new as a revision. */
  blocksOf(sessionId: string, revision: number): Blocks | undefined {
    const session = this.#sessions.get(sessionId);
    if (session === undefined || session.revision < revision) return undefined;
    this.#sessions.delete(sessionId);
    this.#sessions.set(sessionId, session);
    return session.blocks;
  }

  /** Adds a block that was read when the session was at a position, or later. */
  add(sessionId: string, position: SessionPosition, block: Block): void {
    if (block.messages.size > this.#maxBytes / 2) return;
    const session = this.#sessions.get(sessionId) ?? this.#begin(sessionId, position);
    // What changed since may be missing from the block.
    if (session.changeRevision > position.revision) return;
    this.#resize(sessionId, session, () => {
      session.blocks.add(block);
      // Long histories must not push out all others.
      while (session.blocks.size > this.#maxBytes / 2) session.blocks.removeOldest();
    });
    this.#evict();
  }

  #begin(sessionId: string, position: SessionPosition): CachedSession {
    const { revision, changeRevision } = position;
    const session = { blocks: new Blocks(), revision, changeRevision };
    this.#sessions.set(sessionId, session);
    this.#size += SESSION_BYTES;
    return session;
  }

  #resize(sessionId: string, session: CachedSession, change: () => void): void {
    const before = session.blocks.size;
    change();
    if (this.#sessions.get(sessionId) === session) this.#size += session.blocks.size - before;
  }

  #evict(): void {
    for (const [sessionId, session] of this.#sessions) {
      while (this.#size > this.#maxBytes && session.blocks.size > 0) {
        this.#resize(sessionId, session, () => session.blocks.removeOldest());
      }
      if (this.#size <= this.#maxBytes) return;
      this.#forget(sessionId, session);
    }
  }

  #forget(sessionId: string, session: CachedSession): void {
    this.#sessions.delete(sessionId);
    this.#size -= SESSION_BYTES + session.blocks.size;
  }
}

/** What is kept of a session, for one reader: never older than the position that it has read. */
export class HistoryView {
  readonly #cache: HistoryCache;
  readonly #sessionId: string;
  readonly #position: SessionPosition;

  constructor(cache: HistoryCache, sessionId: string, position: SessionPosition) {
    this.#cache = cache;
    this.#sessionId = sessionId;
    this.#position = position;
  }

  /** What is kept of it now; undefined for nothing. */
  get blocks(): Blocks | undefined {
    return this.#cache.blocksOf(this.#sessionId, this.#position.revision);
  }

  /** Adds what was read of it. */
  add(block: Block): void {
    this.#cache.add(this.#sessionId, this.#position, block);
  }
}

function remove(blocks: Blocks, changed: ChangedMessages | undefined): void {
  if (changed === undefined) {
    blocks.removeAfter(0);
    return;
  }
  if (changed.clearedAfter !== undefined) blocks.removeAfter(changed.clearedAfter);
  for (const sequence of changed.sequences) blocks.removeMessage(sequence);
}
