import { StateError } from "../domain/errors.js";
import type { SessionHead } from "./session-row.js";

/**
 * Requires that `count` messages may be appended to a session that is locked.
 *
 * @throws StateError what {@link refusalOf} gives.
 */
export function requireHead(head: SessionHead, count: number, expected: number | undefined): void {
  const refusal = refusalOf(head, count, expected);
  if (refusal !== undefined) throw refusal;
}

/**
 * Tells why `count` messages may not be appended to a session that is locked:
 * - `aborted` SEQUENCE_CONFLICT, if its head is not the expected one; undefined is any;
 * - `resource_exhausted` SEQUENCE_EXHAUSTED, if it is out of exact numbers.
 */
export function refusalOf(
  { id, headSequence }: SessionHead,
  count: number,
  expected: number | undefined,
): StateError | undefined {
  if (expected !== undefined && expected !== headSequence) {
    const message = `session ${id} is at sequence ${headSequence}, not ${expected}: read what was appended and try again`;
    return new StateError("aborted", "SEQUENCE_CONFLICT", message, {
      metadata: { expected: String(expected), actual: String(headSequence) },
    });
  }
  if (headSequence + count > Number.MAX_SAFE_INTEGER) {
    const message = `session ${id} is out of sequences: go on in a new session`;
    return new StateError("resource_exhausted", "SEQUENCE_EXHAUSTED", message);
  }
  return undefined;
}
