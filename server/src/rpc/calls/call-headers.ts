import { invalidArgument } from "../../domain/errors.js";
import type { HeaderFields } from "../http2/hpack/header-list.js";

const TIMEOUT_HEADER = "grpc-timeout";
const TIMEOUT = /^(\d{1,8})([HMSmun])$/;

const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/**
 * Reads how long a call may take, in milliseconds; infinite where the client does not say.
 *
 * @throws StateError `invalid_argument` if it is not up to eight digits and a unit.
 */
export function readTimeoutMs(headers: HeaderFields): number {
  const value = headers[TIMEOUT_HEADER];
  if (value === undefined) return Number.POSITIVE_INFINITY;
  const [, amount, unit] = TIMEOUT.exec(value) ?? [];
  if (amount === undefined || unit === undefined) {
    const description = "must be up to eight digits and one of the units H, M, S, m, u, n";
    throw invalidArgument([{ field: TIMEOUT_HEADER, description }]);
  }
  return Number(amount) * (UNIT_MS[unit] ?? 1);
}

/** Reads how a client compresses its requests: `identity` is not at all. */
export function readEncoding(headers: HeaderFields): string {
  return headers["grpc-encoding"] ?? "identity";
}

/** `application/grpc`, whose messages are those of protobuf unless another format is named. */
const CONTENT_TYPE = /^application\/grpc(\+proto)?\s*(;|$)/i;

/** Whether a request is a call of gRPC whose messages are encoded as protobuf. */
export function isGrpc(headers: HeaderFields): boolean {
  return CONTENT_TYPE.test(headers["content-type"] ?? "");
}
