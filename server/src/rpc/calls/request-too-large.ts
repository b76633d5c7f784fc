import { StateError } from "../../domain/errors.js";

/** The error of a request that has more bytes than the server takes; `actual` is how many, where that is known. */
export function requestTooLarge(actual: number | undefined, limit: number): StateError {
  const size = actual === undefined ? `more than ${limit}` : `${actual}`;
  const message = `the request has ${size} bytes, and the server takes ${limit}; send less at once`;
  const known = actual === undefined ? {} : { actual: String(actual) };
  return new StateError("resource_exhausted", "REQUEST_TOO_LARGE", message, {
    metadata: { ...known, limit: String(limit) },
  });
}
