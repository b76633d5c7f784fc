import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack, durationMs } from "@bufbuild/protobuf/wkt";
import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "@mofa-state/proto/google/rpc/error_details_pb.js";
import { type Status, StatusSchema } from "@mofa-state/proto/google/rpc/status_pb.js";
import { type ErrorCode, StateError, type StateErrorOptions } from "../errors.js";

const CODES: ReadonlyMap<number, ErrorCode> = new Map([
  [status.CANCELLED, "cancelled"],
  [status.UNKNOWN, "unknown"],
  [status.INVALID_ARGUMENT, "invalid_argument"],
  [status.DEADLINE_EXCEEDED, "deadline_exceeded"],
  [status.NOT_FOUND, "not_found"],
  [status.ALREADY_EXISTS, "already_exists"],
  [status.PERMISSION_DENIED, "permission_denied"],
  [status.RESOURCE_EXHAUSTED, "resource_exhausted"],
  [status.FAILED_PRECONDITION, "failed_precondition"],
  [status.ABORTED, "aborted"],
  [status.OUT_OF_RANGE, "out_of_range"],
  [status.UNIMPLEMENTED, "unimplemented"],
  [status.INTERNAL, "internal"],
  [status.UNAVAILABLE, "unavailable"],
  [status.DATA_LOSS, "internal"],
  [status.UNAUTHENTICATED, "unauthenticated"],
]);

/** Gives whatever ended a call as a StateError, with the details that the server sent. */
export function toStateError(error: unknown): StateError {
  if (error instanceof StateError) return error;
  if (!isServiceError(error)) {
    return new StateError("internal", "the call failed in the client", { cause: error });
  }
  const details = fromDetails(error.metadata);
  return new StateError(toCode(error), error.details, details);
}

function toCode({ code, details }: ServiceError): ErrorCode {
  // This is how grpc-js puts it when a connection breaks in other ways than by being closed.
  const isReset = code === status.INTERNAL && details.startsWith("Received RST_STREAM");
  return isReset ? "unavailable" : (CODES.get(code) ?? "unknown");
}

/** Gives the error that a server put into an answer. */
export function fromStatus(answer: Status): StateError {
  return new StateError(CODES.get(answer.code) ?? "unknown", answer.message, toOptions(answer));
}

function isServiceError(error: unknown): error is ServiceError {
  return (
    error instanceof Error &&
    "code" in error &&
    typeof error.code === "number" &&
    "details" in error &&
    typeof error.details === "string" &&
    "metadata" in error &&
    error.metadata instanceof Metadata
  );
}

/** Reads `grpc-status-details-bin`, in which google.rpc.Status carries the error's details. */
function fromDetails(metadata: Metadata): StateErrorOptions {
  const [bytes] = metadata.get("grpc-status-details-bin");
  if (!Buffer.isBuffer(bytes)) return {};
  try {
    return toOptions(fromBinary(StatusSchema, bytes));
  } catch {
    // The code and the text say what happened; details that cannot be read only add to it.
    return {};
  }
}

function toOptions({ details }: Status): StateErrorOptions {
  let options: StateErrorOptions = {};
  for (const detail of details) {
    const info = anyUnpack(detail, ErrorInfoSchema);
    if (info) options = { ...options, reason: info.reason, metadata: info.metadata };
    const request = anyUnpack(detail, BadRequestSchema);
    if (request) options = { ...options, violations: request.fieldViolations.map(toViolation) };
    const delay = anyUnpack(detail, RetryInfoSchema)?.retryDelay;
    if (delay) options = { ...options, retryAfterMs: durationMs(delay) };
  }
  return options;
}

function toViolation({ field, description }: { field: string; description: string }) {
  return { field, description };
}
