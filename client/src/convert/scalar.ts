import { isDate } from "node:util/types";
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { invalidArgument, StateError } from "../errors.js";
import { describe } from "./describe.js";

const MAX_INT32 = 2 ** 31 - 1;

/**
 * Gives an int64 of the API as a number.
 *
 * @throws StateError `internal` if a number cannot hold it exactly.
 */
export function fromInt64(value: bigint): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new StateError("internal", `the server's answer has a number beyond 2^53: ${value}`);
}

/**
 * Gives a number as an int64 of the API.
 *
 * @throws StateError `invalid_argument` if it is no integer, or not exact.
 */
export function toInt64(value: number, field: string): bigint {
  if (Number.isSafeInteger(value)) return BigInt(value);
  throw invalidArgument(field, `must be an integer below 2^53, not ${describe(value)}`);
}

/**
 * Gives a number as an optional int32 of the API.
 *
 * @throws StateError `invalid_argument` if it is no integer, or below 0, or too large.
 */
export function toOptionalCount(value: number | undefined, field: string): number | undefined {
  if (value === undefined) return undefined;
  if (Number.isInteger(value) && value >= 0 && value <= MAX_INT32) return value;
  throw invalidArgument(field, `must be an integer from 0 to ${MAX_INT32}, not ${describe(value)}`);
}

/** Gives a time in milliseconds as one of whole milliseconds, like {@link toOptionalCount}. */
export function toOptionalMs(value: number | undefined, field: string): number | undefined {
  return toOptionalCount(typeof value === "number" ? Math.round(value) : value, field);
}

/** Gives a number as an optional int64 of the API, like {@link toInt64}. */
export function toOptionalInt64(value: number | undefined, field: string): bigint | undefined {
  return value === undefined ? undefined : toInt64(value, field);
}

/** Gives a time of the API as a Date. */
export function fromTimestamp(value: Timestamp | undefined): Date {
  return timestampDate(required(value, "a time"));
}

/**
 * Gives a Date as an optional time of the API.
 *
 * @throws StateError `invalid_argument` if it is no Date, or an invalid one.
 */
export function toOptionalTimestamp(value: Date | undefined, field: string): Timestamp | undefined {
  if (value === undefined) return undefined;
  if (isDate(value) && !Number.isNaN(value.getTime())) return timestampFromDate(value);
  throw invalidArgument(field, "must be a Date, and a valid one");
}

/** Gives a text of the API, where empty means that there is none. */
export function fromText(value: string): string | undefined {
  return value === "" ? undefined : value;
}

/** Gives bytes of the API as bytes of their own, which do not keep the whole answer in memory. */
export function fromBytes(value: Uint8Array): Uint8Array {
  return Uint8Array.from(value);
}

/**
 * Gives what an answer must have.
 *
 * @throws StateError `internal` if it is not there.
 */
export function required<T>(value: T | undefined, name: string): T {
  if (value !== undefined) return value;
  throw new StateError("internal", `the server's answer lacks ${name}: is it a MoFA State server?`);
}
