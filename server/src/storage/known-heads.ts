import { forgetOldest } from "./forget-oldest.js";
import type { SessionHead } from "./session-row.js";

/** How many sessions are remembered: the ones that were appended to last. */
const MAX_SESSIONS = 10_000;

/**
 * What the last append of this process left of a session. It is changed in place: tables that a Map
 * has outgrown would keep those that were before from being collected soon.
 */
interface Left {
  head: SessionHead;
  /** Whether nobody else is known to have changed the session since the append before. */
  isOurs: boolean;
}

/**
 * What the last appends of this process left of their sessions, which the next ones are
 * likely to find. Others may have changed a session since: whoever goes by what is known has
 * to see to it that nothing is written unless it is still so.
 */
export class KnownHeads {
  /** In the order in which they were remembered. */
  readonly #left = new Map<string, Left>();

  /** Gives a session as it is likely to be. Of one that others change, too, nothing is known. */
  get(sessionId: string): SessionHead | undefined {
    const left = this.#left.get(sessionId);
    return left?.isOurs ? left.head : undefined;
  }

  /**
   * Remembers what an append left of a session, and how it had found it. It must be
   * committed: what is known is told to be so by its revision alone.
   */
  remember(before: SessionHead, after: SessionHead): void {
    const left = this.#left.get(after.id) ?? { head: before, isOurs: true };
    left.isOurs = left.head.revision === before.revision;
    left.head = after;
    this.#left.delete(after.id);
    this.#left.set(after.id, left);
    forgetOldest(this.#left, MAX_SESSIONS);
  }

  /** Takes it that others have changed a session, until the next append finds it as it was left. */
  doubt(sessionId: string): void {
    const left = this.#left.get(sessionId);
    if (left !== undefined) left.isOurs = false;
  }
}
