import { StateError } from "./errors.js";

/**
 * Requires that a thing is at the version that the caller expects, if it expects one.
 *
 * @throws StateError `aborted` VERSION_CONFLICT with `expected` and `actual`.
 */
export function requireVersion(thing: string, actual: number, expected: number | undefined): void {
  if (expected === undefined || expected === actual) return;
  const message = `${thing} is at version ${actual}, not ${expected}: read it and try again`;
  throw new StateError("aborted", "VERSION_CONFLICT", message, {
    metadata: { expected: String(expected), actual: String(actual) },
  });
}
