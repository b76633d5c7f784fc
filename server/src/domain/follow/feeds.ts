import type { Change } from "../change-storage.js";
import { StateError } from "../errors.js";
import type { Logger } from "../log.js";
import type { Appended, SessionRef, Storage } from "../storage.js";
import type { Announcements, Checkpoint, MessageDelta } from "./announcements.js";
import { Outage } from "./outage.js";
import { type FeedListener, SessionFeed } from "./session-feed.js";

/** How many heartbeats are left out for an outage, before the followers are ended. */
const MISSED_HEARTBEATS = 2;

const RETRY_AFTER_MS = 1_000;

/** How sessions are followed on this server. */
export interface FeedsOptions {
  /** How often the revisions of the followed sessions are looked up, in milliseconds. */
  readonly pollIntervalMs: number;
  /** After how long without a frame a follower gets a heartbeat, in milliseconds. */
  readonly heartbeatIntervalMs: number;
  readonly logger: Logger;
}

/**
 * The feeds of the sessions that are followed on this server: one each, from the first
 * follower to the last.
 *
 * They learn of changes in three ways: from the announcements of this server, from the
 * doorbell, and at last by looking the revisions up from time to time. Only the last one is
 * needed; the others make it fast. Where it fails for long, for all sessions or for one, their
 * followers are ended, so that they go on at a server that can look.
 */
export class Feeds implements Announcements {
  readonly heartbeatIntervalMs: number;
  readonly #storage: Storage;
  readonly #pollIntervalMs: number;
  readonly #logger: Logger;
  readonly #outage: Outage;
  readonly #feeds = new Map<string, SessionFeed>();
  #timer: NodeJS.Timeout | undefined;
  #isPolling = false;
  #isClosed = false;
  /** Ends listening to the doorbell, which lasts while there are feeds. */
  #stopListening: (() => void) | undefined;

  constructor(storage: Storage, options: FeedsOptions) {
    this.heartbeatIntervalMs = options.heartbeatIntervalMs;
    this.#storage = storage;
    this.#pollIntervalMs = options.pollIntervalMs;
    this.#logger = options.logger;
    this.#outage = new Outage(options.logger, "what is followed");
  }

  /** How many sessions are followed here. */
  get size(): number {
    return this.#feeds.size;
  }

  /** Whether the last look for changes succeeded, so that the feeds may know all there is. */
  get isUpToDate(): boolean {
    return this.#outage.ms === undefined;
  }

  /**
   * Gives the feed of a session that the tenant has, and tells it of a follower, who has just
   * looked at the session in the database.
   *
   * @throws StateError `unavailable` DRAINING once the feeds are closed.
   */
  join(ref: SessionRef, follower: FeedListener): SessionFeed {
    if (this.#isClosed) throw draining();
    // Where nobody followed, nobody looked.
    if (this.#feeds.size === 0) this.#outage.end();
    const known = this.#feeds.get(ref.sessionId);
    // One that has ended says nothing about the session as it is now.
    const feed = known === undefined || known.end !== undefined ? this.#open(ref) : known;
    feed.add(follower);
    return feed;
  }

  /** Tells a feed that a follower has gone; the last one takes it along. */
  leave(feed: SessionFeed, follower: FeedListener): void {
    feed.remove(follower);
    const { sessionId } = feed.ref;
    if (feed.isWatched || this.#feeds.get(sessionId) !== feed) return;
    this.#feeds.delete(sessionId);
    if (this.#feeds.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#stopListening?.();
    this.#stopListening = undefined;
  }

  /** Ends all feeds, and their followers with `unavailable` DRAINING. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#stopListening?.();
    this.#stopAll(draining());
  }

  changed(sessionId: string): void {
    this.#announce(sessionId, (feed) => feed.look());
  }

  appended(sessionId: string, appended: Appended): void {
    if (!appended.isRepeated) this.#announce(sessionId, (feed) => feed.appended(appended));
  }

  updated(sessionId: string, change: Change): void {
    this.#announce(sessionId, (feed) => feed.updated(change));
  }

  checkpointed(sessionId: string, checkpoint: Checkpoint): void {
    this.#announce(sessionId, (feed) => feed.checkpointed(checkpoint));
  }

  written(sessionId: string, delta: MessageDelta): void {
    this.#tell(sessionId, (feed) => feed.written(delta));
  }

  #announce(sessionId: string, tell: (feed: SessionFeed) => void): void {
    this.#tell(sessionId, tell);
    this.#storage.doorbell.ring(sessionId);
  }

  #tell(sessionId: string, tell: (feed: SessionFeed) => void): void {
    const feed = this.#feeds.get(sessionId);
    if (feed === undefined) return;
    try {
      tell(feed);
    } catch (error) {
      // What is announced is stored: nothing that goes wrong here may look as if it were not.
      this.#logger.error({ err: error }, "followers could not be told of a change");
    }
  }

  #open(ref: SessionRef): SessionFeed {
    const feed = new SessionFeed(ref, this.#storage, this.#logger);
    this.#feeds.set(ref.sessionId, feed);
    this.#stopListening ??= this.#storage.doorbell.listen((sessionIds) => {
      for (const sessionId of sessionIds) this.#feeds.get(sessionId)?.look();
    });
    if (!this.#isPolling) this.#pollLater();
    return feed;
  }

  #pollLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#poll();
    }, this.#pollIntervalMs).unref();
  }

  /** Looks at the sessions that have come further than their feeds. Never rejects. */
  async #poll(): Promise<void> {
    this.#isPolling = true;
    // A database that does not answer is away, too: before the next heartbeat says otherwise.
    const watch = setInterval(() => this.#failed(silent()), this.heartbeatIntervalMs / 2).unref();
    try {
      const revisions = await this.#storage.changes.revisions([...this.#feeds.keys()]);
      this.#outage.end();
      for (const [sessionId, feed] of this.#feeds) this.#look(feed, revisions.get(sessionId));
    } catch (error) {
      this.#failed(error);
    } finally {
      clearInterval(watch);
      this.#isPolling = false;
      if (this.#feeds.size > 0 && !this.#isClosed) this.#pollLater();
    }
  }

  #look(feed: SessionFeed, revision: number | undefined): void {
    if (this.#isOver(feed.outage)) {
      feed.stop({ error: unavailable(feed.outage.cause), lastFrame: undefined });
    }
    // One that is not there any more has to be looked at too.
    feed.look(revision);
  }

  #failed(error: unknown): void {
    if (this.#isClosed) return;
    this.#outage.begin(error);
    if (this.#isOver(this.#outage)) this.#stopAll(unavailable(error));
  }

  /** Whether an outage has lasted for longer than followers wait. */
  #isOver({ ms = 0 }: Outage): boolean {
    return ms >= MISSED_HEARTBEATS * this.heartbeatIntervalMs;
  }

  #stopAll(error: StateError): void {
    for (const feed of this.#feeds.values()) feed.stop({ error, lastFrame: undefined });
  }
}

function draining(): StateError {
  const message = "the server is shutting down: resume the stream on another server, or later";
  return new StateError("unavailable", "DRAINING", message);
}

function silent(): StateError {
  return new StateError("unavailable", "DATABASE_UNAVAILABLE", "the database does not answer");
}

function unavailable(cause: unknown): StateError {
  const message =
    "the database has been unavailable for long: resume the stream on another server, or later";
  const options = { retryAfterMs: RETRY_AFTER_MS, cause };
  return new StateError("unavailable", "DATABASE_UNAVAILABLE", message, options);
}
