import type { JsonObject as ProtoJsonObject } from "@bufbuild/protobuf";
import { type Timestamp, timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { JsonObject } from "../domain/model.js";

/** Gives a sequence, revision or version as a number; what is past 2^53 fails the checks that follow. */
export function fromInt64(value: bigint): number {
  return Number(value);
}

/** Gives an optional sequence, revision or version as a number. */
export function fromOptionalInt64(value: bigint | undefined): number | undefined {
  return value === undefined ? undefined : Number(value);
}

/** Gives an optional time. */
export function fromTimestamp(value: Timestamp | undefined): Date | undefined {
  return value === undefined ? undefined : timestampDate(value);
}

/** Gives a time as the API has it. */
export function toTimestamp(value: Date): Timestamp {
  return timestampFromDate(value);
}

/** Gives metadata; absent is empty. */
export function fromStruct(value: ProtoJsonObject | undefined): JsonObject {
  return value ?? {};
}

/** Gives metadata as the API has it; empty is absent. */
export function toStruct(value: JsonObject): { metadata?: ProtoJsonObject } {
  return Object.keys(value).length === 0 ? {} : { metadata: value as ProtoJsonObject };
}
