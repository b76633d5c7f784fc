import type { ApiCallStatus } from "../model/usage.js";

/** The error of a model that did not give a whole answer. */
export class ModelError extends Error {
  override readonly name = "ModelError";
  /** How the call ended, as it is recorded. */
  readonly status: Exclude<ApiCallStatus, "success">;

  constructor(
    status: Exclude<ApiCallStatus, "success">,
    message: string,
    options: { readonly cause?: unknown } = {},
  ) {
    super(message, options);
    this.status = status;
  }
}

/** Gives what a model threw as the one kind of error. */
export function toModelError(cause: unknown): ModelError {
  if (cause instanceof ModelError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new ModelError("failed", message, { cause });
}
