import { invalidArgument } from "../errors.js";

const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * Gives a timeout that timers and gRPC can keep.
 *
 * @throws StateError `invalid_argument` unless it is more than 0 and less than 25 days.
 */
export function toTimeoutMs(value: number, name: string): number {
  if (value > 0 && value <= LONGEST_TIMER_MS) return value;
  throw invalidArgument(name, `must be from 1 to ${LONGEST_TIMER_MS} milliseconds, not ${value}`);
}
