import { StateError } from "../errors.js";
import { ModelError } from "./model-error.js";

const RATE_LIMITED = 429;
const TIMEOUTS = [408, 504];

/** Gives what the package threw as a model's error; `silenceMs` is how long nothing came, if that ended it. */
export function toOpenAIError(cause: unknown, silenceMs: number | undefined): unknown {
  if (cause instanceof StateError || cause instanceof ModelError) return cause;
  if (silenceMs !== undefined) {
    return new ModelError("timeout", `the model said nothing for ${silenceMs} ms`, { cause });
  }
  const message = cause instanceof Error ? cause.message : String(cause);
  return new ModelError(toStatus(cause), message, { cause });
}

/**
 * Returns if a chunk that brings nothing is no error. Some endpoints send one by itself, without
 * the `error` around it that the package looks for.
 *
 * @throws ModelError if it is one.
 */
export function refuseError(chunk: object): void {
  const detail = "detail" in chunk ? chunk.detail : undefined;
  const message = "message" in chunk ? chunk.message : detail;
  if (typeof message !== "string") return;
  throw new ModelError(toStatus(chunk), message, { cause: chunk });
}

// By what they carry, not by their class: the package may be there twice.
function toStatus(error: unknown): "failed" | "timeout" | "rate_limited" {
  if (typeof error !== "object" || error === null) return "failed";
  const status = "status" in error ? error.status : undefined;
  const code = "code" in error ? error.code : undefined;
  const isLimit = code === "rate_limit_exceeded" || code === RATE_LIMITED;
  if (status === RATE_LIMITED || isLimit) return "rate_limited";
  const isTimeout = error.constructor.name === "APIConnectionTimeoutError";
  return isTimeout || TIMEOUTS.some((each) => each === status) ? "timeout" : "failed";
}
