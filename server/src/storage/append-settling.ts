import { type ErrorCode, StateError } from "../domain/errors.js";
import { idReused } from "../domain/idempotency.js";
import { type AppendContext, appendGroup, type GroupMode, type Outcome } from "./append.js";
import { appendAtOnce } from "./append-at-once.js";
import type { PendingAppend } from "./append-turn.js";
import type { Database } from "./database.js";

/** So many messages may be looked up while others wait. */
const FEW_LOOKUPS = 16;

/** For what the session or the database is now, an append may be refused, and a repeated one is not. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set(["aborted", "resource_exhausted"]);

/** Gives appends their outcomes, and tries again what may go otherwise. */
export class AppendSettling {
  readonly #database: Database;
  readonly #context: AppendContext;

  constructor(database: Database, context: AppendContext) {
    this.#database = database;
    this.#context = context;
  }

  /** Gives those appends their outcome that one statement stores, and gives the others. */
  async settleAtOnce(appends: readonly PendingAppend[]): Promise<readonly PendingAppend[]> {
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

  /**
   * Gives each append its outcome, but for those that would keep others waiting unless the
   * mode waits, which it gives: their session is held, or much has to be looked up for them.
   */
  async settle(
    appends: readonly PendingAppend[],
    mode: GroupMode,
  ): Promise<readonly PendingAppend[]> {
    if (appends.length === 0) return [];
    try {
      const outcomes = await appendGroup(this.#database, appends, mode, this.#context);
      return deliver(appends, outcomes);
    } catch (error) {
      if (!mode.looksUp && this.#mayBeRepeated(error)) {
        const long = mode.waits ? new Set<string>() : longSessions(appends);
        const [left, now] = partition(appends, ({ ref }) => long.has(ref.sessionId));
        return [...left, ...(await this.settle(now, { ...mode, looksUp: true }))];
      }
      if (appends.length === 1 || isUnavailable(error)) {
        const refusal = this.#toRefusal(error);
        for (const { reject } of appends) reject(refusal);
        return [];
      }
      return this.#settleEach(appends, { ...mode, looksUp: true });
    }
  }

  /** Does the same one by one, where one of them is what the database refuses. */
  async #settleEach(
    appends: readonly PendingAppend[],
    mode: GroupMode,
  ): Promise<readonly PendingAppend[]> {
    const held: PendingAppend[] = [];
    for (const append of appends) {
      // Those to one session keep their order.
      const isBehind = held.some(({ ref }) => ref.sessionId === append.ref.sessionId);
      held.push(...(isBehind ? [append] : await this.settle([append], mode)));
    }
    return held;
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

/** Gives the sessions of appends of which one has many messages, which would be looked up one by one. */
function longSessions(appends: readonly PendingAppend[]): ReadonlySet<string> {
  const long = appends.filter(({ request }) => request.messages.length > FEW_LOOKUPS);
  return new Set(long.map(({ ref }) => ref.sessionId));
}

function partition<T>(items: readonly T[], isFirst: (item: T) => boolean) {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))] as const;
}

function isUnavailable(error: unknown): boolean {
  return error instanceof StateError && error.code === "unavailable";
}

/** Tells callers the outcomes, and gives those for whom there is none since the session is held. */
function deliver(
  appends: readonly PendingAppend[],
  outcomes: readonly Outcome[],
): readonly PendingAppend[] {
  const held: PendingAppend[] = [];
  for (const [index, append] of appends.entries()) {
    const outcome = outcomes[index];
    if (outcome === undefined) throw new Error("an append of a group has no outcome");
    if (outcome === "held") held.push(append);
    else if ("error" in outcome) append.reject(outcome.error);
    else append.resolve(outcome.appended);
  }
  return held;
}
