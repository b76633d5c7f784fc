import { create, toBinary } from "@bufbuild/protobuf";
import { type Any, anyPack, durationFromMs } from "@bufbuild/protobuf/wkt";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "@mofa-state/proto/google/rpc/error_details_pb.js";
import { StatusSchema } from "@mofa-state/proto/google/rpc/status_pb.js";
import type { ErrorCode, StateError, Violation } from "../domain/errors.js";
import { boundedText } from "./bounded-text.js";

const ERROR_DOMAIN = "mofa.state";
const DEFAULT_RETRY_MS = 1_000;

// Some clients take 8 KiB of trailers in all, and replace larger ones by an error of their own.
const MAX_DETAILS_BYTES = 4_096;
const MAX_VIOLATIONS = 32;
const MAX_METADATA_ENTRIES = 6;
const MAX_TEXT_BYTES = 256;

/** How a call fails: as a StateError says, or as only the transport knows. */
export type FailureCode = ErrorCode | "unimplemented" | "deadline_exceeded";

/** What a client is told of a failure: what a StateError has, without what is for the log. */
export interface ErrorReport
  extends Pick<StateError, "message" | "metadata" | "violations" | "retryAfterMs"> {
  readonly code: FailureCode;
  readonly reason: string;
}

/**
 * Encodes an error as the `google.rpc.Status` of `grpc-status-details-bin`.
 *
 * It takes 4 KiB at most: violations that do not fit are dropped, the last first, and
 * long texts are cut. `unavailable` always says when to try again.
 */
export function encodeErrorDetails(report: ErrorReport, grpcCode: number): Uint8Array {
  const fixed = [errorInfo(report), ...retryInfo(report)];
  const violations = report.violations.slice(0, MAX_VIOLATIONS).map(boundedViolation);
  for (;;) {
    const details = [...fixed, ...badRequest(violations)];
    const status = create(StatusSchema, { code: grpcCode, message: report.message, details });
    const encoded = toBinary(StatusSchema, status);
    if (encoded.byteLength <= MAX_DETAILS_BYTES || violations.length === 0) return encoded;
    violations.pop();
  }
}

function errorInfo({ reason, metadata }: ErrorReport): Any {
  const entries = Object.entries(metadata)
    .slice(0, MAX_METADATA_ENTRIES)
    .map(([key, value]) => [bounded(key), bounded(value)]);
  const info = { reason, domain: ERROR_DOMAIN, metadata: Object.fromEntries(entries) };
  return anyPack(ErrorInfoSchema, create(ErrorInfoSchema, info));
}

function retryInfo({ code, retryAfterMs }: ErrorReport): Any[] {
  const delayMs = retryAfterMs ?? (code === "unavailable" ? DEFAULT_RETRY_MS : undefined);
  if (delayMs === undefined) return [];
  const retryDelay = durationFromMs(Math.round(delayMs));
  return [anyPack(RetryInfoSchema, create(RetryInfoSchema, { retryDelay }))];
}

function badRequest(fieldViolations: readonly Violation[]): Any[] {
  if (fieldViolations.length === 0) return [];
  const request = { fieldViolations: [...fieldViolations] };
  return [anyPack(BadRequestSchema, create(BadRequestSchema, request))];
}

function boundedViolation({ field, description }: Violation): Violation {
  return { field: bounded(field), description: bounded(description) };
}

function bounded(text: string): string {
  return boundedText(text, MAX_TEXT_BYTES);
}
