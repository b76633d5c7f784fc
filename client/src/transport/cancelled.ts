import { StateError } from "../errors.js";

/** The error of a call whose signal was aborted, or else whose connection was closed. */
export function cancelled(signal: AbortSignal | undefined): StateError {
  if (!signal?.aborted) {
    return new StateError("cancelled", "the call was cancelled: its connection was closed");
  }
  return new StateError("cancelled", "the call was cancelled by its signal", {
    cause: signal.reason,
  });
}
