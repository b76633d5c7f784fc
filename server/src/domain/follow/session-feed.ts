import type { Change, SessionPosition } from "../change-storage.js";
import { StateError } from "../errors.js";
import { readPages } from "../history-frames.js";
import type { Logger } from "../log.js";
import { type SessionFrame, type StreamPosition, toResumeToken } from "../session-frame.js";
import type { Appended, SessionRef, Storage } from "../storage.js";
import type { Checkpoint, MessageDelta } from "./announcements.js";
import { Coalesced } from "./coalesced.js";
import { FeedLog } from "./feed-log.js";
import { Outage } from "./outage.js";
import { readChanges } from "./read-changes.js";
import { readWritten } from "./read-written.js";
import type { Ring } from "./ring.js";

/** Who follows a session here. */
export interface FeedListener {
  /** Tells that the ring has one more frame. Returns at once, and never throws. */
  heard(frame: SessionFrame): void;

  /** Tells that there will be nothing more. */
  ended(): void;
}

/** Why a feed has ended. */
export interface FeedEnd {
  readonly error: StateError;
  /** What its followers get before the error. */
  readonly lastFrame: SessionFrame | undefined;
}

/**
 * What happens in one session, for all who follow it on this server.
 *
 * What this server does itself is announced to it. What it cannot be sure to have been told in
 * full, it reads from the database: one read at a time, however many ask for it.
 */
export class SessionFeed {
  readonly ref: SessionRef;
  /** Since when the session cannot be looked at. */
  readonly outage: Outage;
  readonly #storage: Storage;
  readonly #listeners = new Set<FeedListener>();
  readonly #log: FeedLog;
  readonly #reading = new Coalesced(() => this.#read());
  #isStarted = false;
  /** Whether there is something between the position and what the database holds. */
  #hasGap = false;
  #end: FeedEnd | undefined;

  constructor(ref: SessionRef, storage: Storage, logger: Logger) {
    this.ref = ref;
    this.outage = new Outage(logger, `session ${ref.sessionId}`);
    this.#storage = storage;
    this.#log = new FeedLog(ref, (frame) => {
      for (const listener of this.#listeners) listener.heard(frame);
    });
  }

  /** The newest frames. */
  get ring(): Ring {
    return this.#log.ring;
  }

  /** How far the frames go. */
  get position(): StreamPosition {
    return this.#log.position;
  }

  /** Why there will be no more frames; undefined as long as there may be. */
  get end(): FeedEnd | undefined {
    return this.#end;
  }

  /** Whether anybody listens. */
  get isWatched(): boolean {
    return this.#listeners.size > 0;
  }

  /** Tells a listener of what comes from now on. */
  add(listener: FeedListener): void {
    this.#listeners.add(listener);
  }

  /** Tells a listener of nothing more. */
  remove(listener: FeedListener): void {
    this.#listeners.delete(listener);
  }

  /**
   * Brings the feed to where the session is now, or later.
   *
   * @throws StateError as `ChangeStorage.position`; a feed whose session is gone has ended then.
   */
  refresh(): Promise<void> {
    return this.#reading.run();
  }

  /** Looks at the session soon, unless it is known to be where the feed is. */
  look(revision = Number.POSITIVE_INFINITY): void {
    if (this.#end !== undefined) return;
    const isUpToDate = revision <= this.position.revision && !this.#hasGap;
    if (isUpToDate) this.outage.end();
    // Who wants to know finds its failure in the outage.
    else this.refresh().catch(() => undefined);
  }

  /** Gives where in the ring to go on for who has everything that is durable up to the position. */
  indexOfPending(): number {
    return this.#log.indexOfPending();
  }

  /** See {@link Announcements.appended}. */
  appended(appended: Appended): void {
    const { messages, headSequence, revision } = appended;
    for (const message of messages) {
      // One that is here already, and not written any more, has ended or was deleted since.
      const isHere = message.sequence <= this.position.sequence;
      const isOpen = !isHere || this.#log.isWritten(message.sequence);
      if (message.status === "streaming" && isOpen) this.#log.beginWriting(message, revision);
    }
    const { sequence } = this.position;
    const first = messages[0]?.sequence ?? sequence + 1;
    const follows = first === sequence + 1 && headSequence === sequence + messages.length;
    if (this.#isNext(revision) && follows) this.#log.addAppended(appended);
    else this.look(revision);
  }

  /** See {@link Announcements.updated}. */
  updated(change: Change): void {
    const { revision } = change;
    if (change.type === "message_updated" && change.message.status === "streaming") {
      this.#log.beginWriting(change.message, revision);
    }
    if (this.#isNext(revision)) this.#log.addChange(change, revision);
    else this.look(revision);
  }

  /** See {@link Announcements.written}. */
  written(delta: MessageDelta): void {
    this.#log.write(delta);
  }

  /** See {@link Announcements.checkpointed}. */
  checkpointed(checkpoint: Checkpoint): void {
    const { revision } = checkpoint;
    const isShown = this.#log.settle(checkpoint);
    if (!this.#isNext(revision) || !isShown) this.look(revision);
    else this.#log.advance({ sequence: this.position.sequence, revision });
  }

  /** Ends the feed. */
  stop(end: FeedEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    for (const listener of this.#listeners) listener.ended();
  }

  #isNext(revision: number): boolean {
    return this.#isStarted && !this.#hasGap && revision === this.position.revision + 1;
  }

  async #read(): Promise<void> {
    if (this.#end !== undefined) throw this.#end.error;
    try {
      const target = await this.#storage.changes.position(this.ref);
      if (!this.#isStarted) await this.#begin(target);
      else if (this.#hasGap || target.revision > this.position.revision) await this.#close(target);
      this.outage.end();
    } catch (error) {
      const isGone = error instanceof StateError && error.code === "not_found";
      if (isGone) await this.#stopDeleted(error);
      else this.outage.begin(error);
      throw error;
    }
  }

  async #begin({ headSequence, revision }: SessionPosition): Promise<void> {
    const written = new Set<number>();
    const isWanted = (sequence: number) => sequence <= headSequence;
    for await (const { message, epoch } of readWritten(this.#storage, this.ref, isWanted)) {
      this.#log.resume(message, epoch);
      written.add(message.sequence);
    }
    this.#log.begin({ sequence: headSequence, revision }, written);
    this.#isStarted = true;
  }

  /**
   * Reads what lies between the position and a newer one.
   *
   * The position moves with each frame, so that after a failure the next reading goes on there.
   */
  async #close({ headSequence, revision, changeRevision }: SessionPosition): Promise<void> {
    const { sequence, revision: afterRevision } = this.position;
    const isChanged = this.#hasGap || changeRevision > afterRevision;
    this.#hasGap = true;
    if (isChanged) await this.#readChanges(revision);
    this.#log.advance({ sequence, revision });
    const range = { start: sequence, end: headSequence };
    for await (const messages of readPages(this.#storage, this.ref, range)) {
      this.#log.addMessages(messages, revision);
    }
    this.#log.advance({ sequence: headSequence, revision });
    if (isChanged) await this.#readTails();
    this.#hasGap = false;
  }

  async #readTails(): Promise<void> {
    const { changes } = this.#storage;
    for (const { sequence, revision } of await changes.messagesBeingWritten(this.ref)) {
      const past = this.#log.lacksPast(sequence, revision);
      const tail = past && (await changes.tail(this.ref, sequence, past));
      if (tail !== undefined) this.#log.showDurable(sequence, tail);
    }
  }

  async #readChanges(upToRevision: number): Promise<void> {
    const { sequence: upToSequence, revision: afterRevision } = this.position;
    const range = { afterRevision, upToRevision, upToSequence };
    for await (const change of readChanges(this.#storage, this.ref, range)) {
      this.#log.addChange(change, upToRevision);
    }
  }

  async #stopDeleted(error: StateError): Promise<void> {
    const { sessionId } = this.ref;
    // What is known already must not wait for a database that fails meanwhile.
    const revisions = await this.#storage.changes.revisions([sessionId]).catch(() => undefined);
    const { sequence } = this.position;
    const revision = revisions?.get(sessionId) ?? this.position.revision + 1;
    const lastFrame: SessionFrame = {
      type: "change",
      change: { type: "session_deleted", revision },
      resumeToken: toResumeToken(this.ref, { sequence, revision }),
    };
    this.stop({ error, lastFrame: error.reason === "SESSION_DELETED" ? lastFrame : undefined });
  }
}
