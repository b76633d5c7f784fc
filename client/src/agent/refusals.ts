import { StateError } from "../errors.js";

/** Tells whether the store has refused something that it would refuse again. */
export function isRefused(error: unknown): error is StateError {
  if (!(error instanceof StateError)) return false;
  return error.code === "invalid_argument" || error.reason === "LIMIT_EXCEEDED";
}

/** Tells whether what must be in a context does not fit. */
export function isTooLarge(error: unknown): error is StateError {
  return error instanceof StateError && error.reason === "CONTEXT_TOO_LARGE";
}

/** The error of a question that no context has room for. */
export function questionTooLarge(): StateError {
  const what = "the question does not fit the agent's token budget beside the system messages";
  return tooLarge(`${what} and the pinned ones: shorten it, or raise the budget`);
}

/** The error of tools' results that the context has no room for. */
export function resultsTooLarge(): StateError {
  const what = "what the tools gave does not fit the agent's token budget";
  return tooLarge(`${what}: raise the budget, or let the tools give less`);
}

function tooLarge(message: string): StateError {
  return new StateError("resource_exhausted", message, { reason: "CONTEXT_TOO_LARGE" });
}
