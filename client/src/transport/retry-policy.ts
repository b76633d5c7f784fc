import { invalidArgument } from "../errors.js";

/** How calls are repeated that fail with `unavailable`. */
export interface RetryOptions {
  /**
   * How often a call is tried in all, or a stream without a frame; 1 is no retry. By
   * default only the call's `timeoutMs` ends the retries.
   */
  readonly maxAttempts?: number | undefined;
  /** The longest pause before the first retry, in milliseconds; 50 by default. It doubles with each. */
  readonly initialBackoffMs?: number | undefined;
  /** The longest pause of all, in milliseconds; 2,000 by default. */
  readonly maxBackoffMs?: number | undefined;
}

/** {@link RetryOptions}, complete and checked. */
export type RetryPolicy = { readonly [K in keyof RetryOptions]-?: number };

/** The policy of what must not be repeated. */
export const ONCE: RetryPolicy = toRetryPolicy({ maxAttempts: 1 });

/**
 * Completes retry options.
 *
 * @throws StateError `invalid_argument` if one cannot be used.
 */
export function toRetryPolicy(options: RetryOptions = {}): RetryPolicy {
  const { maxAttempts = Infinity, initialBackoffMs = 50, maxBackoffMs = 2_000 } = options;
  if (!(Number.isInteger(maxAttempts) || maxAttempts === Infinity) || maxAttempts < 1) {
    throw invalidArgument("retry.maxAttempts", `must be 1 or more, not ${maxAttempts}`);
  }
  for (const [name, value] of Object.entries({ initialBackoffMs, maxBackoffMs })) {
    if (value >= 0 && Number.isFinite(value)) continue;
    throw invalidArgument(`retry.${name}`, `must be 0 milliseconds or more, not ${value}`);
  }
  return { maxAttempts, initialBackoffMs, maxBackoffMs };
}
