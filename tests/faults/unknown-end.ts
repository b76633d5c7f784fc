import { StateError } from "@mofa-state/client";

/** Tells whether a call ended so that it may have worked or not, and may be made again. */
export function isUnknownEnd(error: unknown): boolean {
  if (!(error instanceof StateError)) return false;
  return error.code === "unavailable" || error.code === "deadline_exceeded";
}
