import { StateError } from "../errors.js";

/** How much a context may have, in bytes: what the API says of GetContext. */
export const MAX_CONTEXT_BYTES = 8 * 1024 * 1024;

/** Tells whether the store has refused something that it would refuse again. */
export function isRefused(error: unknown): error is StateError {
  if (!(error instanceof StateError)) return false;
  return error.code === "invalid_argument" || isOversized(error);
}

/** Tells whether the store has refused something that is larger than it takes at once. */
export function isOversized(error: unknown): error is StateError {
  if (!(error instanceof StateError) || error.code !== "resource_exhausted") return false;
  // Where a request is much too large, gRPC refuses it, which knows of no reasons.
  return [undefined, "REQUEST_TOO_LARGE", "LIMIT_EXCEEDED"].includes(error.reason);
}

/** Tells whether what must be in a context does not fit. */
export function isTooLarge(error: unknown): error is StateError {
  return error instanceof StateError && error.reason === "CONTEXT_TOO_LARGE";
}

/** Says of a context that is too large what an agent can do about it. */
export function contextTooLarge(cause: StateError): StateError {
  const { unit, required, limit } = cause.metadata;
  const what = `what the model is to be sent has ${required} ${unit}, and may have ${limit}`;
  const how =
    unit === "bytes"
      ? "build the agent with withSlidingWindow or withTokenBudget, or with fewer turns or tokens"
      : "build the agent with a larger withTokenBudget, or unpin messages";
  const { code, reason, metadata } = cause;
  return new StateError(code, `${what}: ${how}`, { reason, metadata, cause });
}

/** The error of a question that no context has room for. */
export function questionTooLarge(): StateError {
  const what = "the question does not fit the agent's token budget beside the system messages";
  return tooLarge(`${what} and the pinned ones: shorten it, or raise the budget`);
}

/** The error of tools' results that are not in the context any more. */
export function resultsLeftOut(): StateError {
  const what = "what the tools gave is not in what the model is to be sent";
  const budget = "it does not fit the agent's token budget";
  const window = "others have written to the session, and the turn is out of its window";
  return tooLarge(
    `${what}: ${budget}, or ${window}; build the agent with a larger withTokenBudget or withSlidingWindow, or let the tools give less`,
  );
}

function tooLarge(message: string): StateError {
  return new StateError("resource_exhausted", message, { reason: "CONTEXT_TOO_LARGE" });
}
