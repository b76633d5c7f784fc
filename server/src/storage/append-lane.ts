import { setImmediate } from "node:timers/promises";
import type { Append, Appended, SessionRef } from "../domain/storage.js";
import type { AppendContext, GroupMode } from "./append.js";
import { AppendSettling } from "./append-settling.js";
import { AppendTurn, type PendingAppend, type Room } from "./append-turn.js";
import type { Database } from "./database.js";
import { Deadlines } from "./deadlines.js";
import { Slots } from "./queue.js";

/** The most that one transaction takes together; a single append may be larger. */
const GROUP: Readonly<Room> = { appends: 256, messages: 400, bytes: 4 * 1024 * 1024 };

/** Fewer appends are not shared out among several transactions, which have a price each. */
const FEW_APPENDS = 16;

/** For how many turns of the event loop a group waits at most. */
const MAX_TURNS = 16;

/** How long an append waits for the connections that others wait for locks with, in milliseconds. */
const SLOT_WAIT_MS = 5_000;

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
 * appends waiting, and those of other sessions that are locked: the appends that wait for
 * locks have only half of the connections.
 */
export class AppendLane {
  readonly #database: Database;
  readonly #settling: AppendSettling;
  /** The newest turn of each session. */
  readonly #turns = new Map<string, AppendTurn>();
  /** The turns that have begun, and wait for a group. */
  readonly #ready: AppendTurn[] = [];
  #isUnderWay = false;
  /** Those that wait for what others have locked: not all connections may do that, nor for ever. */
  readonly #slots: Slots;
  readonly #slotWaits = new Deadlines(
    SLOT_WAIT_MS,
    "other transactions keep the session and others locked: try again",
  );
  /** How many appends have come, and how many of them were taken into a group. */
  #arrived = 0;
  #taken = 0;
  /** How many appends the last group took, whose callers may well come again. */
  #lastTaken = 0;

  constructor(database: Database, context: AppendContext) {
    this.#database = database;
    this.#settling = new AppendSettling(database, context);
    this.#slots = new Slots(Math.max(1, Math.floor(database.poolSize / 2)));
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
      void this.#runAlone({ turn, appends: [alone] });
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
    const left = await this.#settling.settleAtOnce(appends);
    const held = new Set(await this.#settling.settle(left, this.#unheld));
    for (const { turn, appends } of shares) {
      this.#goOnAfter({ turn, appends: appends.filter((append) => held.has(append)) });
    }
  }

  /** How a group is carried out first: where there is one connection, nobody else can hold a session. */
  get #unheld(): GroupMode {
    return { looksUp: false, waits: this.#database.dialect.singleConnection };
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

  /** Carries out what goes into no group. */
  async #runAlone({ turn, appends }: Share): Promise<void> {
    this.#goOnAfter({ turn, appends: await this.#settling.settle(appends, this.#unheld) });
  }

  /** Goes on with a turn once what is held of it has been carried out, without keeping other sessions waiting. */
  #goOnAfter({ turn, appends }: Share): void {
    if (appends.length === 0) this.#goOn(turn);
    else void this.#runHeld({ turn, appends });
  }

  async #runHeld({ turn, appends }: Share): Promise<void> {
    // It may be free by now, or was given back for its look-ups alone: that takes no slot.
    const held = await this.#settling.settle(appends, { looksUp: true, waits: false });
    try {
      const settle = () => this.#settling.settle(held, { looksUp: false, waits: true });
      if (held.length > 0) await this.#slots.run(settle, this.#slotWaits);
    } catch (error) {
      for (const { reject } of held) reject(error);
    }
    this.#goOn(turn);
  }
}
