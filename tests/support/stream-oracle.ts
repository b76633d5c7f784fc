import { type Session, type SessionEvent, StateError } from "@mofa-state/client";
import { expect, onTestFinished } from "vitest";
import { type FollowedStream, resumedViolations } from "./resumed-streams.js";
import { SessionReplica } from "./session-replica.js";
import { readStored } from "./stored-session.js";
import { type StreamStart, violationsOf } from "./stream-rules.js";

/** How a session is followed, as `session.follow` takes it. */
export interface WatchOptions {
  readonly after?: number | undefined;
  readonly last?: number | undefined;
  readonly resumeToken?: string | undefined;
  readonly deltas?: boolean | undefined;
  readonly frameMaxMessages?: number | undefined;
}

/** How far a follower was when it had caught up. */
export interface CaughtUp {
  readonly headSequence: number;
  readonly revision: number;
  readonly resumeToken: string;
  /** How many events it had had by then. */
  readonly eventCount: number;
}

/** How long a follower may take for what it is waited for: far longer than any break in a test. */
const PATIENCE_MS = 45_000;

/**
 * Follows a session from now on, until the test ends at the latest, and checks all that
 * comes.
 */
export function watch(session: Session, options: WatchOptions = {}): StreamOracle {
  const oracle = new StreamOracle(session, options);
  onTestFinished(() => oracle.stop());
  return oracle;
}

/** A follower that keeps all that it gets, to be checked against what the store says. */
export class StreamOracle {
  readonly events: SessionEvent[];
  readonly caughtUps: CaughtUp[] = [];
  /** How the stream ended; undefined as long as it goes on. */
  error: unknown;
  readonly #session: Session;
  readonly #options: WatchOptions;
  readonly #stop = new AbortController();
  readonly #lookers = new Set<() => void>();
  readonly #ended: Promise<void>;
  readonly #before: StreamOracle | undefined;

  constructor(session: Session, options: WatchOptions, before?: StreamOracle) {
    this.events = before?.eventsWithToken ?? [];
    this.#session = session;
    this.#options = options;
    this.#before = before;
    this.#ended = this.#follow();
  }

  /** The newest token that it was given. */
  get resumeToken(): string | undefined {
    const events = this.eventsWithToken;
    const caughtUp = this.caughtUps.findLast(({ eventCount }) => eventCount >= events.length);
    return caughtUp?.resumeToken ?? events.at(-1)?.resumeToken;
  }

  /** Its events, up to the last one that a stream can be resumed after. */
  get eventsWithToken(): SessionEvent[] {
    const last = this.events.findLastIndex(({ resumeToken }) => resumeToken !== undefined);
    return this.events.slice(0, last + 1);
  }

  /** Goes on where it stopped, until the test ends: on this session's server, or another's. */
  async resume(session: Session = this.#session): Promise<StreamOracle> {
    await this.stop();
    return this.branch(session);
  }

  /** Lets another one go on where it is now, beside it, until the test ends. */
  branch(session: Session = this.#session): StreamOracle {
    const options = { ...this.#options, after: undefined, last: undefined };
    const oracle = new StreamOracle(session, { ...options, resumeToken: this.resumeToken }, this);
    onTestFinished(() => oracle.stop());
    return oracle;
  }

  /** What the follower holds: its events, applied. */
  get replica(): SessionReplica {
    return replicaOf(this.events);
  }

  /** Waits until it has caught up, for the first time or so many times in all. */
  caughtUp(times = 1): Promise<CaughtUp> {
    return this.#until(`it has caught up ${times} times`, () => this.caughtUps[times - 1]);
  }

  /** Waits for an event: one that came already, or one to come. */
  async until(predicate: (event: SessionEvent) => boolean): Promise<SessionEvent> {
    let seen = 0;
    return this.#until("an event comes", () => {
      for (; seen < this.events.length; seen++) {
        const event = this.events[seen];
        if (event !== undefined && predicate(event)) return event;
      }
      return undefined;
    });
  }

  /** Waits until the follower holds what it is waited for. */
  async untilHeld(predicate: (replica: SessionReplica) => boolean): Promise<void> {
    const replica = new SessionReplica();
    let seen = 0;
    await this.#until("it holds what it is to hold", () => {
      for (const event of this.events.slice(seen)) replica.apply(event);
      seen = this.events.length;
      return predicate(replica) || undefined;
    });
  }

  /** Waits for the message with a sequence, or a later one: by then it has had all before it. */
  async settled(sequence: number): Promise<void> {
    await this.until((event) => event.type === "message" && event.message.sequence >= sequence);
  }

  /** Waits for the error that ends the stream. */
  async failed(): Promise<unknown> {
    await this.#until("the stream ends", () => (this.error === undefined ? undefined : true));
    return this.error;
  }

  /**
   * Checks that the stream was ordered, unique and gap-free, that it was so when resumed
   * at its tokens, and that it comes to what the store says. Nothing may be under way in
   * the session, and the follower has to be {@link settled}.
   */
  async check(): Promise<void> {
    expect(await this.violations()).toEqual([]);
  }

  /** Gives what {@link check} finds wrong. */
  async violations(): Promise<readonly string[]> {
    const run = await this.#run();
    return [...this.#violationsOf(run), ...(await resumedViolations(run))];
  }

  /** Gives what {@link check} finds wrong with what came, without resuming anything. */
  async ownViolations(): Promise<readonly string[]> {
    return this.#violationsOf(await this.#run());
  }

  /** Goes away, as one who leaves the loop does. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  async #run(): Promise<FollowedStream> {
    const [events, caughtUps] = [[...this.events], [...this.caughtUps]];
    const stored = await readStored(this.#session);
    const start = this.#start();
    return { session: this.#session, options: this.#options, events, caughtUps, stored, start };
  }

  #violationsOf({ events, stored, start }: FollowedStream): readonly string[] {
    const ended = this.error === undefined ? [] : [`the stream ended: ${this.error}`];
    return [...ended, ...violationsOf(events, stored, start)];
  }

  async #follow(): Promise<void> {
    try {
      const events = this.#session.follow({
        ...this.#options,
        signal: this.#stop.signal,
        onCaughtUp: (position) => {
          this.caughtUps.push({ ...position, eventCount: this.events.length });
          this.#look();
        },
      });
      for await (const event of events) {
        this.events.push(event);
        this.#look();
      }
      this.error = new StateError("internal", "the stream ended without an error");
    } catch (error) {
      if (!this.#stop.signal.aborted) this.error = error;
    }
    this.#look();
  }

  #look(): void {
    for (const look of this.#lookers) look();
  }

  async #until<T>(what: string, find: () => T | undefined): Promise<T> {
    let look = () => {};
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<T>((resolve, reject) => {
        const describe = () => `${what}: in vain, after ${this.events.length} events`;
        look = () => {
          const found = find();
          if (found !== undefined) resolve(found);
          else if (this.error !== undefined) reject(new Error(describe(), { cause: this.error }));
        };
        timer = setTimeout(() => reject(new Error(describe())), PATIENCE_MS);
        this.#lookers.add(look);
        look();
      });
    } finally {
      clearTimeout(timer);
      this.#lookers.delete(look);
    }
  }

  #start(): StreamStart {
    if (this.#before !== undefined) return this.#before.#start();
    const { after, last, resumeToken } = this.#options;
    const first = this.events.find((event) => event.type === "message");
    const isOpen = last !== undefined || resumeToken !== undefined;
    const before = first?.type === "message" ? first.message.sequence - 1 : Infinity;
    return {
      sequence: isOpen ? before : (after ?? 0),
      revision: this.caughtUps[0]?.revision ?? Infinity,
    };
  }
}

/** Applies events one after the other, right or wrong. */
export function replicaOf(events: readonly SessionEvent[]): SessionReplica {
  const replica = new SessionReplica();
  for (const event of events) replica.apply(event);
  return replica;
}
