import type { JsonObject, JsonValue } from "./model.js";

/** What every entry of an object takes beside its key and value. */
const ENTRY_BYTES = 8;
const NUMBER_BYTES = 11;
const WORD_BYTES = 4;
const LENGTH_BYTES = 5;

/**
 * Measures about how many bytes metadata takes on the wire, where it is a
 * `google.protobuf.Struct`: a number takes more there than in JSON text.
 */
export function measureMetadata(metadata: JsonObject): number {
  return Object.entries(metadata).reduce(
    (sum, [key, value]) => sum + ENTRY_BYTES + Buffer.byteLength(key) + measureValue(value),
    0,
  );
}

function measureValue(value: JsonValue): number {
  if (typeof value === "string") return LENGTH_BYTES + Buffer.byteLength(value);
  if (typeof value === "number") return NUMBER_BYTES;
  if (typeof value !== "object" || value === null) return WORD_BYTES;
  if (!isList(value)) return LENGTH_BYTES + measureMetadata(value);
  return value.reduce((sum: number, item) => sum + LENGTH_BYTES + measureValue(item), LENGTH_BYTES);
}

function isList(value: JsonObject | readonly JsonValue[]): value is readonly JsonValue[] {
  return Array.isArray(value);
}
