/**
 * How a call ends: the status codes of gRPC that this server answers with.
 *
 * Source: https://grpc.github.io/grpc/core/md_doc_statuscodes.html
 */
export const GrpcStatus = {
  OK: 0,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
} as const;

/** One of the codes. */
export type GrpcStatus = (typeof GrpcStatus)[keyof typeof GrpcStatus];
