import { fromBinary } from "@bufbuild/protobuf";
import { Metadata, status } from "@grpc/grpc-js";
import { type Status, StatusSchema } from "@mofa-state/proto/google/rpc/status_pb.js";
import { type ErrorCode, StateError } from "../domain/errors.js";
import type { Logger } from "../domain/log.js";
import { boundedText } from "./bounded-text.js";
import { type ErrorReport, encodeErrorDetails } from "./error-details.js";

/** What ends a call that failed, as grpc-js takes it. */
export interface FailedStatus {
  readonly code: status;
  readonly details: string;
  /** None is none to tell of. */
  readonly metadata?: Metadata;
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
export function toStatus(error: unknown, logger: Logger): Required<FailedStatus> {
  const { code, message, encoded } = tell(toReport(error, logger));
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(encoded));
  return { code, details: message, metadata };
}

/** Gives what {@link toStatus} gives as a message, where the call goes on. */
export function toStatusMessage(error: unknown, logger: Logger): Status {
  return fromBinary(StatusSchema, tell(toReport(error, logger)).encoded);
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

/** What a client is told, and as the encoded `google.rpc.Status`. */
interface Telling {
  readonly code: status;
  readonly message: string;
  readonly encoded: Uint8Array;
}

function tell(report: ErrorReport): Telling {
  const message = boundedText(report.message, MAX_MESSAGE_BYTES, percentEncodedLength);
  const code = STATUS[report.code];
  const { code: errorCode, reason, metadata, violations, retryAfterMs } = report;
  const sent = { code: errorCode, reason, message, metadata, violations, retryAfterMs };
  return { code, message, encoded: encodeErrorDetails(sent, code) };
}

/** Measures a character as gRPC sends it in the trailer `grpc-message`. */
function percentEncodedLength(character: string): number {
  return encodeURI(character).length;
}
