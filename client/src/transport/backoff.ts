import { setTimeout as sleep } from "node:timers/promises";
import type { StateError } from "../errors.js";
import { cancelled } from "./cancelled.js";
import { joinSignals } from "./on-abort.js";
import type { RetryPolicy } from "./retry-policy.js";

/** What the pauses of a call must keep to. */
export interface BackoffLimits {
  /** By the clock of `performance.now()`; no pause goes beyond it. */
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
}

// Past it the backoff is the longest in any case, and 0 * 2 ** 1024 would be no number.
const MAX_DOUBLINGS = 30;

/** Counts the failures in a row of one call, and pauses after each before the next attempt. */
export class Backoff {
  readonly #policy: RetryPolicy;
  readonly #closed: AbortSignal;
  #failures = 0;
  #unavailable: StateError | undefined;

  /** Pauses end when `closed` is aborted. */
  constructor(policy: RetryPolicy, closed: AbortSignal) {
    this.#policy = policy;
    this.#closed = closed;
  }

  /**
   * Waits as long as it is fit before the next attempt: a random part of the backoff, or
   * what the server asks for if that is longer.
   *
   * @throws StateError if there is to be no other attempt: the failure itself, or where the
   * deadline cut an attempt short that repeated another, the `unavailable` of that other.
   * @throws StateError `cancelled` if the signal is aborted or the connection closed.
   */
  async pauseAfter(error: StateError, { deadline, signal }: BackoffLimits): Promise<void> {
    if (error.code === "deadline_exceeded") throw this.#unavailable ?? error;
    if (error.code !== "unavailable") throw error;
    this.#unavailable = error;
    this.#failures += 1;
    const pauseMs = this.#toPauseMs(error);
    const isLast = this.#failures >= this.#policy.maxAttempts;
    if (isLast || performance.now() + pauseMs >= deadline) throw error;
    const end = joinSignals(this.#closed, signal);
    try {
      await sleep(pauseMs, undefined, { signal: end.signal });
    } catch {
      throw cancelled(signal);
    } finally {
      end.release();
    }
  }

  #toPauseMs({ retryAfterMs = 0 }: StateError): number {
    const { initialBackoffMs, maxBackoffMs } = this.#policy;
    const doublings = Math.min(this.#failures - 1, MAX_DOUBLINGS);
    const backoffMs = Math.min(maxBackoffMs, initialBackoffMs * 2 ** doublings);
    return Math.max(Math.min(maxBackoffMs, retryAfterMs), Math.random() * backoffMs);
  }
}
