import { setImmediate } from "node:timers/promises";
import { type ErrorCode, StateError } from "../domain/errors.js";
import { idReused } from "../domain/idempotency.js";
import type { Append, Appended, SessionRef } from "../domain/storage.js";
import { type AppendContext, appendGroup, type GroupMode, type Outcome } from "./append.js";
import { appendAtOnce } from "./append-at-once.js";
import { AppendTurn, type PendingAppend, type Room } from "./append-turn.js";
import type { Database } from "./database.js";

/** The most that one transaction takes together; a single append may be larger. */
const GROUP: Readonly<Room> = { appends: 256, messages: 400, bytes: 4 * 1024 * 1024 };

/** Fewer appends are not shared out among several transactions, which have a price each. */
const FEW_APPENDS = 16;

/** For how many turns of the event loop a group waits at most. */
const MAX_TURNS = 16;

/** For what the session or the database is now, an append may be refused, and a repeated one is not. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set(["aborted", "resource_exhausted"]);

/** The appends of one session in a group. */
interface Share {
  readonly turn: AppendTurn;
  readonly appends: readonly PendingAppend[];
}

/**
 * Carries out appends in groups that share a transaction: those that come while one group
 * is under way make the next. One that comes alone does not wait for others.
 *
 * Of many callers that wait for their appends and come again, a group takes half, so that
 * they and the database work at the same time: if it took all, each side would stand still
 * while the other works.
 *
 * Those to one session take effect in the order in which they came, and take turns with
 * the other transactions that lock it. A session that is locked keeps none but its own
 * appends waiting.
 */
export class AppendLane {
  readonly #database: Database;
  readonly #context: AppendContext;
  /** The newest turn of each session. */
  readonly #turns = new Map<string, AppendTurn>();
  /** The turns that have begun, and wait for a group. */
  readonly #ready: AppendTurn[] = [];
  #isUnderWay = false;
  /** How many appends have come, and how many of them were taken into a group. */
  #arrived = 0;
  #taken = 0;
  /** How many appends the last group took, whose callers may well come again. */
  #lastTaken = 0;

  constructor(database: Database, context: AppendContext) {
    this.#database = database;
    this.#context = context;
  }

  /** Appends messages with states and API calls, as MessageStorage.append promises. */
  append(ref: SessionRef, request: Append): Promise<Appended> {
    return new Promise((resolve, reject) => {
      this.#database.requireOpen();
      this.#arrived += 1;
      this.#turnFor(ref.sessionId).add({ ref, request, resolve, reject });
    });
  }

  /** The session's newest turn, unless something else has queued for the session since. */
  #turnFor(sessionId: string): AppendTurn {
    const newest = this.#turns.get(sessionId);
    if (newest !== undefined && this.#database.isLastInTurn(sessionId, newest.work)) return newest;
    const turn = new AppendTurn(sessionId, () => this.#goOn(turn));
    this.#turns.set(sessionId, turn);
    void this.#database.inTurn(sessionId, turn.work);
    return turn;
  }

  /** Sees to what waits in a turn, and ends the turn if nothing does. */
  #goOn(turn: AppendTurn): void {
    if (turn.isEmpty) {
      if (this.#turns.get(turn.sessionId) === turn) this.#turns.delete(turn.sessionId);
      turn.end();
      return;
    }
    const alone = turn.takeAlone();
    if (alone !== undefined) {
      this.#taken += 1;
      void this.#runApart({ turn, appends: [alone] });
      return;
    }
    this.#ready.push(turn);
    if (!this.#isUnderWay) void this.#runGroups();
  }

  async #runGroups(): Promise<void> {
    this.#isUnderWay = true;
    while (this.#ready.length > 0) {
      await this.#gather();
      await this.#runGroup();
    }
    this.#isUnderWay = false;
  }

  /** Lets those join that are on their way: what was sent at once is read over several turns. */
  async #gather(): Promise<void> {
    for (let turn = 0, seen = 0; turn < MAX_TURNS && seen !== this.#arrived; turn++) {
      seen = this.#arrived;
      await setImmediate();
      if (this.#waiting >= this.#share) return;
    }
  }

  /** How many appends no group has taken yet. */
  get #waiting(): number {
    return this.#arrived - this.#taken;
  }

  /** How many appends a group takes: half of those whose callers are here or were just answered. */
  get #share(): number {
    const half = Math.ceil((this.#waiting + this.#lastTaken) / 2);
    return Math.min(Math.max(half, FEW_APPENDS), GROUP.appends);
  }

  async #runGroup(): Promise<void> {
    const shares = this.#takeGroup();
    const appends = shares.flatMap((share) => share.appends);
    const left = await this.#settleAtOnce(appends);
    // Where there is one connection, nobody else can hold a session.
    const waits = this.#database.dialect.singleConnection;
    const held = await this.#settle(left, { looksUp: false, waits });
    for (const share of shares) {
      const [first] = share.appends;
      if (first !== undefined && held.has(first)) void this.#runApart(share);
      else this.#goOn(share.turn);
    }
  }

  #takeGroup(): readonly Share[] {
    const room = { ...GROUP, appends: this.#share };
    const before = this.#taken;
    const shares: Share[] = [];
    for (let turn = this.#ready[0]; turn !== undefined; turn = this.#ready[0]) {
      const appends = turn.takeFitting(room, shares.length === 0);
      if (appends.length === 0) break;
      this.#taken += appends.length;
      shares.push({ turn, appends });
      this.#ready.shift();
    }
    this.#lastTaken = this.#taken - before;
    return shares;
  }

  /** Carries out what must not keep other sessions waiting. */
  async #runApart({ turn, appends }: Share): Promise<void> {
    await this.#settle(appends, { looksUp: false, waits: true });
    this.#goOn(turn);
  }

  /** Gives those appends their outcome that one statement stores, and gives the others. */
  async #settleAtOnce(appends: readonly PendingAppend[]): Promise<readonly PendingAppend[]> {
    try {
      const stored = await appendAtOnce(this.#database, appends, this.#context);
      for (const [append, appended] of stored) append.resolve(appended);
      return appends.filter((append) => !stored.has(append));
    } catch (error) {
      // What the database refuses, it refuses again; then each has its own outcome.
      if (!isUnavailable(error)) return appends;
      for (const { reject } of appends) reject(error);
      return [];
    }
  }

  /** Gives each append its outcome, and tells for which of them the session was held. */
  async #settle(
    appends: readonly PendingAppend[],
    mode: GroupMode,
  ): Promise<ReadonlySet<PendingAppend>> {
    if (appends.length === 0) return new Set();
    try {
      const outcomes = await appendGroup(this.#database, appends, mode, this.#context);
      return deliver(appends, outcomes);
    } catch (error) {
      if (!mode.looksUp && this.#mayBeRepeated(error)) {
        return this.#settle(appends, { ...mode, looksUp: true });
      }
      if (appends.length === 1 || isUnavailable(error)) {
        const refusal = this.#toRefusal(error);
        for (const { reject } of appends) reject(refusal);
        return new Set();
      }
      // One of them is what the database refuses; in its order, so that each waits.
      for (const append of appends) await this.#settle([append], { looksUp: true, waits: true });
      return new Set();
    }
  }

  /** Of ids that were looked up, only that of an API call can be taken since, in another session. */
  #toRefusal(error: unknown): unknown {
    if (!this.#database.isUniqueViolation(error)) return error;
    return idReused("an API call of the append is stored by another call");
  }

  #mayBeRepeated(error: unknown): boolean {
    const isRefusal = error instanceof StateError && REFUSALS.has(error.code);
    return isRefusal || this.#database.isUniqueViolation(error);
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof StateError && error.code === "unavailable";
}

/** Tells callers the outcomes, and gives those for whom there is none since the session is held. */
function deliver(
  appends: readonly PendingAppend[],
  outcomes: readonly Outcome[],
): ReadonlySet<PendingAppend> {
  const held = new Set<PendingAppend>();
  for (const [index, append] of appends.entries()) {
    const outcome = outcomes[index];
    if (outcome === undefined) throw new Error("an append of a group has no outcome");
    if (outcome === "held") held.add(append);
    else if ("error" in outcome) append.reject(outcome.error);
    else append.resolve(outcome.appended);
  }
  return held;
}
