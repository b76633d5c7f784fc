import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { invalidArgument } from "../domain/errors.js";

/** The one key that a plain object cannot hold like any other. */
const RESERVED_KEY = "__proto__";

/**
 * Requires that no map of a message has the key `__proto__`.
 *
 * Decoding would drop it without a word, and what is accepted must read back equal.
 *
 * @throws StateError `invalid_argument` naming the field of the request that holds the map.
 */
export function refuseReservedKey(schema: DescMessage, bytes: Buffer): void {
  if (!bytes.includes(RESERVED_KEY)) return;
  const field = findReservedKey(schema, bytes);
  if (field === undefined) return;
  throw invalidArgument([{ field, description: `must not contain the key ${RESERVED_KEY}` }]);
}

/** Gives the name of the field, at the top of the message, below which a map has the reserved key. */
function findReservedKey(schema: DescMessage, bytes: Uint8Array): string | undefined {
  for (const [number, value] of lengthDelimitedFields(bytes)) {
    const field = schema.fields.find((candidate) => candidate.number === number);
    if (field !== undefined && hasReservedKey(field, value)) return field.name;
  }
  return undefined;
}

function hasReservedKey(field: DescField, value: Uint8Array): boolean {
  if (field.fieldKind === "map") return entryHasReservedKey(field.message, value);
  return field.message !== undefined && findReservedKey(field.message, value) !== undefined;
}

function entryHasReservedKey(schema: DescMessage | undefined, entry: Uint8Array): boolean {
  for (const [number, bytes] of lengthDelimitedFields(entry)) {
    if (number === 1 && Buffer.from(bytes).toString() === RESERVED_KEY) return true;
    const isFound = number === 2 && schema && findReservedKey(schema, bytes) !== undefined;
    if (isFound) return true;
  }
  return false;
}

function* lengthDelimitedFields(bytes: Uint8Array): Generator<readonly [number, Uint8Array]> {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (wireType === WireType.LengthDelimited) yield [number, reader.bytes()];
    else reader.skip(wireType, number);
  }
}
