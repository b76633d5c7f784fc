import { fromBinary } from "@bufbuild/protobuf";
import { type Status, StatusSchema } from "@mofa-state/proto/google/rpc/status_pb.js";
import { StateError } from "../domain/errors.js";
import type { Logger } from "../domain/log.js";
import { boundedText } from "./bounded-text.js";
import { type ErrorReport, encodeErrorDetails, type FailureCode } from "./error-details.js";
import { GrpcStatus } from "./grpc-status.js";

/** What ends a call that failed. */
export interface FailedStatus {
  readonly code: GrpcStatus;
  /** Of well-formed Unicode. */
  readonly message: string;
  /** A `google.rpc.Status` with the code, the message and more. */
  readonly encodedDetails: Uint8Array;
}

const STATUS: Readonly<Record<FailureCode, GrpcStatus>> = {
  invalid_argument: GrpcStatus.INVALID_ARGUMENT,
  not_found: GrpcStatus.NOT_FOUND,
  already_exists: GrpcStatus.ALREADY_EXISTS,
  aborted: GrpcStatus.ABORTED,
  failed_precondition: GrpcStatus.FAILED_PRECONDITION,
  out_of_range: GrpcStatus.OUT_OF_RANGE,
  resource_exhausted: GrpcStatus.RESOURCE_EXHAUSTED,
  unavailable: GrpcStatus.UNAVAILABLE,
  internal: GrpcStatus.INTERNAL,
  unimplemented: GrpcStatus.UNIMPLEMENTED,
  deadline_exceeded: GrpcStatus.DEADLINE_EXCEEDED,
};

const INTERNAL_ERROR = report("internal", "INTERNAL", "internal error");

const MAX_MESSAGE_BYTES = 1_024;

/**
 * Gives the status that tells a client of whatever a handler threw.
 *
 * A StateError is told with its message and details, both bounded. Anything else is a
 * defect: it is logged with its stack, and the client learns `internal error` alone.
 */
export function toStatus(error: unknown, logger: Logger): FailedStatus {
  return tell(toReport(error, logger));
}

/** Gives the status of a call that is not answered for a reason which no handler knows of. */
export function callFailure(code: FailureCode, reason: string, message: string): FailedStatus {
  return tell(report(code, reason, message));
}

/** Gives what {@link toStatus} gives as a message, where the call goes on. */
export function toStatusMessage(error: unknown, logger: Logger): Status {
  return fromBinary(StatusSchema, tell(toReport(error, logger)).encodedDetails);
}

function report(code: FailureCode, reason: string, message: string): ErrorReport {
  return { code, reason, message, metadata: {}, violations: [], retryAfterMs: undefined };
}

function toReport(error: unknown, logger: Logger): ErrorReport {
  if (!(error instanceof StateError)) {
    logger.error({ err: error }, "a call failed with an unexpected error");
    return INTERNAL_ERROR;
  }
  logCause(error, logger);
  return error;
}

function logCause(error: StateError, logger: Logger): void {
  if (error.code === "internal") logger.error({ err: error }, "a call failed");
  else if (error.cause !== undefined) logger.warn({ err: error }, "a call failed");
}

function tell(report: ErrorReport): FailedStatus {
  const message = boundedText(report.message, MAX_MESSAGE_BYTES, percentEncodedLength);
  const code = STATUS[report.code];
  const { code: errorCode, reason, metadata, violations, retryAfterMs } = report;
  const sent = { code: errorCode, reason, message, metadata, violations, retryAfterMs };
  return { code, message, encodedDetails: encodeErrorDetails(sent, code) };
}

/** Measures a character as gRPC sends it in the trailer `grpc-message`. */
function percentEncodedLength(character: string): number {
  return encodeURI(character).length;
}
