import { Metadata, status } from "@grpc/grpc-js";
import { type ErrorCode, StateError } from "../domain/errors.js";
import type { Logger } from "../domain/log.js";
import { boundedText } from "./bounded-text.js";
import { type ErrorReport, encodeErrorDetails } from "./error-details.js";

/** What ends a call that failed, as grpc-js takes it. */
export interface FailedStatus {
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;
}

const STATUS: Readonly<Record<ErrorCode, status>> = {
  invalid_argument: status.INVALID_ARGUMENT,
  not_found: status.NOT_FOUND,
  already_exists: status.ALREADY_EXISTS,
  aborted: status.ABORTED,
  failed_precondition: status.FAILED_PRECONDITION,
  out_of_range: status.OUT_OF_RANGE,
  resource_exhausted: status.RESOURCE_EXHAUSTED,
  unavailable: status.UNAVAILABLE,
  internal: status.INTERNAL,
};

const INTERNAL_ERROR: ErrorReport = {
  code: "internal",
  reason: "INTERNAL",
  message: "internal error",
  metadata: {},
  violations: [],
  retryAfterMs: undefined,
};

const MAX_MESSAGE_BYTES = 1_024;

/**
 * Gives the status that tells a client of whatever a handler threw.
 *
 * A StateError is told with its message and details, both bounded. Anything else is a
 * defect: it is logged with its stack, and the client learns `internal error` alone.
 */
export function toStatus(error: unknown, logger: Logger): FailedStatus {
  if (!(error instanceof StateError)) {
    logger.error({ err: error }, "a call failed with an unexpected error");
    return fail(INTERNAL_ERROR);
  }
  logCause(error, logger);
  return fail(error);
}

function logCause(error: StateError, logger: Logger): void {
  if (error.code === "internal") logger.error({ err: error }, "a call failed");
  else if (error.cause !== undefined) logger.warn({ err: error }, "a call failed");
}

function fail(report: ErrorReport): FailedStatus {
  const message = boundedText(report.message, MAX_MESSAGE_BYTES, percentEncodedLength);
  const code = STATUS[report.code];
  const { code: errorCode, reason, metadata: values, violations, retryAfterMs } = report;
  const sent = { code: errorCode, reason, message, metadata: values, violations, retryAfterMs };
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(encodeErrorDetails(sent, code)));
  return { code, details: message, metadata };
}

/** Measures a character as gRPC sends it in the trailer `grpc-message`. */
function percentEncodedLength(character: string): number {
  return encodeURI(character).length;
}
