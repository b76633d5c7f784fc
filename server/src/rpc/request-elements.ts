import type { DescMessage } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { StateError } from "../domain/errors.js";

/** How many messages a request may hold inside it, the values of metadata among them. */
const MAX_ELEMENTS = 500_000;

/** How many of them may be other than values of metadata, which take far less memory. */
const MAX_MESSAGES = 50_000;

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
  count(schema, bytes, { elements: 0, messages: 0 });
}

interface Counts {
  elements: number;
  messages: number;
}

function count(schema: DescMessage, bytes: Uint8Array, counts: Counts): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const field = schema.fields.find((candidate) => candidate.number === number);
    if (field?.message === undefined || wireType !== WireType.LengthDelimited) {
      reader.skip(wireType, number);
      continue;
    }
    add(field.message, counts);
    const value = reader.bytes();
    count(field.message, field.fieldKind === "map" ? valueOfEntry(value) : value, counts);
  }
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

function add(schema: DescMessage, counts: Counts): void {
  counts.elements += 1;
  if (!schema.typeName.startsWith("google.protobuf.")) counts.messages += 1;
  if (counts.elements <= MAX_ELEMENTS && counts.messages <= MAX_MESSAGES) return;
  const message = `the request holds too many elements: at most ${MAX_MESSAGES} messages, parts and the like, and ${MAX_ELEMENTS} with the values of metadata`;
  throw new StateError("resource_exhausted", "LIMIT_EXCEEDED", message);
}
