import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { StateError } from "../domain/errors.js";

/** How many messages, items of lists and unknown fields a request may hold. */
const MAX_MESSAGES = 50_000;

/** How many values of metadata it may hold beside, which take far less memory. */
const MAX_VALUES = 500_000;

/** What is shorter than this cannot hold too many. */
const ALWAYS_FINE_BYTES = 64 * 1024;

/**
 * Requires that a request does not hold more elements than can be decoded with little
 * time and memory: an empty one takes two bytes on the wire, and a hundred times more here.
 *
 * @throws StateError `resource_exhausted` LIMIT_EXCEEDED.
 * @throws Error if the bytes are not a message of this type, or are nested too deep.
 */
export function refuseTooManyElements(schema: DescMessage, bytes: Uint8Array): void {
  if (bytes.byteLength <= ALWAYS_FINE_BYTES) return;
  count(schema, bytes, { messages: 0, values: 0 });
}

interface Counts {
  messages: number;
  values: number;
}

function count(schema: DescMessage, bytes: Uint8Array, counts: Counts): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const field = schema.fields.find((candidate) => candidate.number === number);
    if (field?.message === undefined || wireType !== WireType.LengthDelimited) {
      const from = reader.pos;
      reader.skip(wireType, number);
      counts.messages += weigh(field, reader.pos - from);
      requireFew(counts);
      continue;
    }
    if (isValue(field.message)) counts.values += 1;
    else counts.messages += 1;
    requireFew(counts);
    const value = reader.bytes();
    count(field.message, field.fieldKind === "map" ? valueOfEntry(value) : value, counts);
  }
}

/** How many elements a field that is no message has at the most: unknown ones are kept, too. */
function weigh(field: DescField | undefined, bytes: number): number {
  if (field === undefined) return 1;
  if (field.fieldKind !== "list") return 0;
  const isText =
    field.listKind === "scalar" &&
    (field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES);
  // Of numbers that are packed, each may take one byte.
  return isText ? 1 : bytes;
}

function isValue({ typeName }: DescMessage): boolean {
  return typeName.startsWith("google.protobuf.");
}

/** The value of a map's entry, which is its second field. */
function valueOfEntry(entry: Uint8Array): Uint8Array {
  const reader = new BinaryReader(entry);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (number === 2 && wireType === WireType.LengthDelimited) return reader.bytes();
    reader.skip(wireType, number);
  }
  return new Uint8Array();
}

function requireFew({ messages, values }: Counts): void {
  if (messages <= MAX_MESSAGES && values <= MAX_VALUES) return;
  const message = `the request holds too many elements: at most ${MAX_MESSAGES} messages, parts, items of lists and the like, and ${MAX_VALUES} values of metadata`;
  throw new StateError("resource_exhausted", "LIMIT_EXCEEDED", message);
}
