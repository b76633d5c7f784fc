import { StateError } from "../errors.js";
import { cutFrames } from "../history-frames.js";
import { type SessionFrame, toResumeToken } from "../session-frame.js";
import type { SessionRef, Storage } from "../storage.js";
import { catchUp } from "./catch-up.js";
import type { Feeds } from "./feeds.js";
import { HeldMessages } from "./held-messages.js";
import type { RingEntry } from "./ring.js";
import type { FeedListener, SessionFeed } from "./session-feed.js";

/** How one follower follows. */
export interface FollowerOptions {
  readonly storage: Storage;
  /** Where it begins; without a revision it wants no changes from before. */
  readonly start: { readonly sequence: number; readonly revision: number | undefined };
  readonly includeDeltas: boolean;
  readonly frameMaxMessages: number;
  /** Aborted when the follower has gone. */
  readonly signal: AbortSignal;
}

/**
 * One follower of a session: reads what it has not from the database, and then takes what
 * the feed's ring has for all. If it falls out of the ring, it reads again.
 *
 * It has no buffer: what it does not take waits in the ring, or in the database.
 */
export class Follower implements FeedListener {
  readonly #feeds: Feeds;
  readonly #feed: SessionFeed;
  readonly #options: FollowerOptions;
  readonly #held: HeldMessages;
  #position: FollowerOptions["start"];
  /** The index of the ring's entry that it takes next. */
  #next = 0;
  /** What is left of an entry that is larger than the follower's frames. */
  #cuts: RingEntry[] = [];
  #sentAt = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Set while it waits. */
  #wake: (() => void) | undefined;

  constructor(feeds: Feeds, ref: SessionRef, options: FollowerOptions) {
    this.#feeds = feeds;
    this.#options = options;
    this.#feed = feeds.join(ref, this);
    this.#position = options.start;
    this.#held = new HeldMessages(options.includeDeltas);
  }

  /** Gives the frames, for ever, until the signal is aborted. */
  async *frames(): AsyncGenerator<SessionFrame, void> {
    const { signal } = this.#options;
    const leave = () => this.ended();
    signal.addEventListener("abort", leave);
    try {
      while (!signal.aborted) {
        yield* this.#catchUp();
        while (!signal.aborted && !this.#isBehind) {
          const frame = this.#take();
          if (frame !== undefined) yield frame;
          else await this.#news();
        }
      }
    } catch (error) {
      const lastFrame = await this.#lastFrame(error);
      if (lastFrame !== undefined) yield lastFrame;
      throw error;
    } finally {
      signal.removeEventListener("abort", leave);
      this.#feeds.leave(this.#feed, this);
      clearTimeout(this.#timer);
    }
  }

  /** See {@link FeedListener}. */
  heard({ type }: SessionFrame): void {
    if (this.#wake === undefined) return;
    // Who waits has taken everything else.
    if (type === "delta" && !this.#options.includeDeltas) this.#next += 1;
    else this.#wakeUp();
  }

  /** See {@link FeedListener}. */
  ended(): void {
    this.#wakeUp();
  }

  /** Whether the ring has lost what the follower would take next. */
  get #isBehind(): boolean {
    return this.#cuts.length === 0 && this.#next < this.#feed.ring.first;
  }

  async *#catchUp(): AsyncGenerator<SessionFrame, void> {
    const { includeDeltas, frameMaxMessages, storage } = this.#options;
    await this.#feed.refresh();
    // From here on, what the ring gets is what the reading may miss.
    const { ref, position: end } = this.#feed;
    this.#next = includeDeltas ? this.#feed.indexOfPending() : this.#feed.ring.next;
    this.#held.clear(end.revision);
    const reading = { ref, start: this.#position, end, includeDeltas, frameMaxMessages };
    for await (const { frame, position } of catchUp(storage, reading, this.#held)) {
      this.#position = position;
      yield frame;
    }
    this.#position = end;
    this.#sentAt = Date.now();
    const { sequence: headSequence, revision } = end;
    yield { type: "caught_up", headSequence, revision, resumeToken: toResumeToken(ref, end) };
    // Deltas from before what was read must not come after it: the feed takes them out.
    if (this.#held.writtenRevision > this.#feed.position.revision) await this.#feed.refresh();
  }

  /** Gives the next frame that the follower wants, if there is one. */
  #take(): SessionFrame | undefined {
    for (;;) {
      const cut = this.#cuts.shift();
      if (cut !== undefined) return this.#give(cut);
      if (this.#next >= this.#feed.ring.next) break;
      const entry = this.#feed.ring.at(this.#next);
      this.#next += 1;
      if (entry !== undefined && this.#isWanted(entry)) this.#cuts = this.#fit(entry);
    }
    if (this.#feed.end !== undefined) throw this.#feed.end.error;
    return this.#msUntilHeartbeat() > 0 ? undefined : this.#heartbeat();
  }

  #isWanted({ frame, position }: RingEntry): boolean {
    switch (frame.type) {
      case "messages":
        return position.sequence > this.#position.sequence;
      case "delta":
        return this.#held.extend(frame.delta);
      case "change":
        return (
          frame.change.revision > (this.#position.revision ?? 0) && this.#held.change(frame.change)
        );
      default:
        return false;
    }
  }

  #fit(entry: RingEntry): RingEntry[] {
    const { frame, position } = entry;
    const { frameMaxMessages } = this.#options;
    if (frame.type !== "messages" || frame.messages.length <= frameMaxMessages) return [entry];
    return cutFrames(frame.messages, frameMaxMessages).map((messages) => {
      const sequence = messages.at(-1)?.sequence ?? position.sequence;
      const cut = { sequence, revision: position.revision };
      const resumeToken = toResumeToken(this.#feed.ref, cut);
      return { frame: { type: "messages", messages, resumeToken }, position: cut };
    });
  }

  #give({ frame, position }: RingEntry): SessionFrame {
    if (frame.type === "messages") for (const message of frame.messages) this.#held.take(message);
    this.#position = position;
    this.#sentAt = Date.now();
    return frame;
  }

  /** Gives a heartbeat, or leaves it out where nobody knows what it would have to say. */
  #heartbeat(): SessionFrame | undefined {
    const { ref, position } = this.#feed;
    this.#sentAt = Date.now();
    if (!this.#feeds.isUpToDate || this.#feed.outage.ms !== undefined) return undefined;
    const { sequence: headSequence, revision } = position;
    return { type: "heartbeat", headSequence, revision, resumeToken: toResumeToken(ref, position) };
  }

  #msUntilHeartbeat(): number {
    return this.#sentAt + this.#feeds.heartbeatIntervalMs - Date.now();
  }

  /** Waits for a frame, the time of a heartbeat, or the end. */
  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      // Left running when a frame comes first: it looks then how long there is still to wait.
      this.#timer ??= setTimeout(() => this.#tick(), this.#msUntilHeartbeat()).unref();
    });
  }

  #tick(): void {
    this.#timer = undefined;
    if (this.#wake === undefined) return;
    if (this.#msUntilHeartbeat() <= 0) this.#wakeUp();
    else this.#timer = setTimeout(() => this.#tick(), this.#msUntilHeartbeat()).unref();
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  /** Gives what comes before the error, if there is something. */
  async #lastFrame(error: unknown): Promise<SessionFrame | undefined> {
    if (!(error instanceof StateError) || error.reason !== "SESSION_DELETED") return undefined;
    // The follower may have found out before the feed did.
    await this.#feed.refresh().catch(() => undefined);
    return this.#feed.end?.lastFrame;
  }
}
