import { setTimeout as sleep } from "node:timers/promises";
import { invalidArgument, StateError } from "../errors.js";
import { toStateError } from "./status.js";

/** How calls are repeated that fail with `unavailable`. */
export interface RetryOptions {
  /** How often a call is tried in all; 1 is no retry. 8 by default. */
  readonly maxAttempts?: number | undefined;
  /** The longest pause before the first retry, in milliseconds; 50 by default. It doubles with each. */
  readonly initialBackoffMs?: number | undefined;
  /** The longest pause of all, in milliseconds; 2,000 by default. */
  readonly maxBackoffMs?: number | undefined;
}

/** {@link RetryOptions}, complete and checked. */
export type RetryPolicy = { readonly [K in keyof RetryOptions]-?: number };

/** What a call's retries must keep to. */
export interface RetryLimits {
  /** By the clock of `performance.now()`; no retry begins after it. */
  readonly deadline: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Completes retry options.
 *
 * @throws StateError `invalid_argument` if one cannot be used.
 */
export function toRetryPolicy(options: RetryOptions = {}): RetryPolicy {
  const { maxAttempts = 8, initialBackoffMs = 50, maxBackoffMs = 2_000 } = options;
  if (!Number.isInteger(maxAttempts) || maxAttempts < 1) {
    throw invalidArgument("retry.maxAttempts", `must be 1 or more, not ${maxAttempts}`);
  }
  for (const [name, value] of Object.entries({ initialBackoffMs, maxBackoffMs })) {
    if (value >= 0 && Number.isFinite(value)) continue;
    throw invalidArgument(`retry.${name}`, `must be 0 milliseconds or more, not ${value}`);
  }
  return { maxAttempts, initialBackoffMs, maxBackoffMs };
}

/**
 * Tries a call until it succeeds, fails with something else than `unavailable`, or its
 * limits are reached; then it throws the last error. `attempt` is told how often it was
 * tried, from 1.
 */
export async function retry<T>(
  policy: RetryPolicy,
  limits: RetryLimits,
  attempt: (count: number) => Promise<T>,
): Promise<T> {
  for (let count = 1; ; count += 1) {
    try {
      return await attempt(count);
    } catch (error) {
      await pauseBeforeRetry(policy, limits, { count, error: toStateError(error) });
    }
  }
}

/**
 * Waits as long as it is fit before the next attempt: a random part of the backoff, or
 * what the server asks for if that is longer.
 *
 * @throws StateError the failure itself if there is to be no other attempt, or `cancelled`.
 */
export async function pauseBeforeRetry(
  policy: RetryPolicy,
  { deadline, signal }: RetryLimits,
  { count, error }: { readonly count: number; readonly error: StateError },
): Promise<void> {
  if (error.code !== "unavailable" || count >= policy.maxAttempts) throw error;
  const backoffMs = Math.min(policy.maxBackoffMs, policy.initialBackoffMs * 2 ** (count - 1));
  const askedMs = Math.min(policy.maxBackoffMs, error.retryAfterMs ?? 0);
  const pauseMs = Math.max(askedMs, Math.random() * backoffMs);
  if (performance.now() + pauseMs >= deadline) throw error;
  try {
    await sleep(pauseMs, undefined, { signal });
  } catch {
    throw cancelled(signal);
  }
}

/** The error of a call whose signal was aborted. */
export function cancelled(signal: AbortSignal | undefined): StateError {
  return new StateError("cancelled", "the call was cancelled by its signal", {
    cause: signal?.reason,
  });
}
