import type { DescField, Message } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { invalidArgument, StateError } from "../errors.js";
import type { JsonObject, JsonValue } from "../model/json.js";
import { checkJson, isPlainObject } from "./json.js";

/**
 * Puts a JSON object into a message, as its google.protobuf.Struct field.
 *
 * protobuf-es drops a key named `__proto__`, so the field is encoded here, and rides in
 * the message among the unknown fields. `undefined` puts nothing. `path` leads to the
 * message, in errors.
 *
 * @throws StateError `invalid_argument` if it is no JSON object.
 */
export function setStruct<M extends Message>(
  message: M,
  value: JsonObject | undefined,
  { field, path = "" }: { readonly field: DescField; readonly path?: string },
): M {
  if (value === undefined) return message;
  const place = `${path}${field.name}`;
  if (!isPlainObject(value)) throw invalidArgument(place, "must be a JSON object");
  checkJson(value, place);
  const data = new BinaryWriter().bytes(encodeStruct(value)).finish();
  message.$unknown = [
    ...(message.$unknown ?? []),
    { no: field.number, wireType: WireType.LengthDelimited, data },
  ];
  return message;
}

/**
 * Gives the JSON object of a message's google.protobuf.Struct field; empty if it is absent.
 *
 * @throws StateError `internal` if it is malformed.
 */
export function getStruct(message: Message, field: DescField): JsonObject {
  const raw = message.$unknown?.findLast(({ no }) => no === field.number);
  return raw === undefined ? {} : toStruct(new BinaryReader(raw.data).bytes(), field.name);
}

/**
 * Gives the JSON object of an encoded google.protobuf.Struct; `name` is its field.
 *
 * @throws StateError `internal` if it is malformed.
 */
export function toStruct(bytes: Uint8Array, name: string): JsonObject {
  try {
    return decodeStruct(bytes);
  } catch (cause) {
    const text = `the server's answer has a malformed ${name}`;
    throw new StateError("internal", text, { cause });
  }
}

// The numbers are those of google/protobuf/struct.proto.

function encodeStruct(value: JsonObject): Uint8Array {
  const writer = new BinaryWriter();
  for (const [key, item] of Object.entries(value)) {
    writer.tag(1, WireType.LengthDelimited).fork();
    writer.tag(1, WireType.LengthDelimited).string(key);
    writer.tag(2, WireType.LengthDelimited).bytes(encodeValue(item));
    writer.join();
  }
  return writer.finish();
}

function encodeValue(value: JsonValue): Uint8Array {
  const writer = new BinaryWriter();
  if (value === null) writer.tag(1, WireType.Varint).int32(0);
  else if (typeof value === "number") writer.tag(2, WireType.Bit64).double(value);
  else if (typeof value === "string") writer.tag(3, WireType.LengthDelimited).string(value);
  else if (typeof value === "boolean") writer.tag(4, WireType.Varint).bool(value);
  else if (isList(value)) writer.tag(6, WireType.LengthDelimited).bytes(encodeList(value));
  else writer.tag(5, WireType.LengthDelimited).bytes(encodeStruct(value));
  return writer.finish();
}

function encodeList(values: readonly JsonValue[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const value of values) writer.tag(1, WireType.LengthDelimited).bytes(encodeValue(value));
  return writer.finish();
}

function isList(value: readonly JsonValue[] | JsonObject): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function decodeStruct(bytes: Uint8Array): JsonObject {
  const entries: [string, JsonValue][] = [];
  readFields(bytes, (reader) => entries.push(decodeEntry(reader.bytes())));
  // Unlike an assignment, fromEntries makes an own property of `__proto__`.
  return Object.fromEntries(entries);
}

function decodeEntry(bytes: Uint8Array): [string, JsonValue] {
  let key = "";
  let value: JsonValue = null;
  readFields(bytes, (reader, no) => {
    if (no === 1) key = reader.string();
    else value = decodeValue(reader.bytes());
  });
  return [key, value];
}

function decodeValue(bytes: Uint8Array): JsonValue {
  let value: JsonValue = null;
  readFields(bytes, (reader, no) => {
    if (no === 1) reader.int32();
    else if (no === 2) value = reader.double();
    else if (no === 3) value = reader.string();
    else if (no === 4) value = reader.bool();
    else if (no === 5) value = decodeStruct(reader.bytes());
    else value = decodeList(reader.bytes());
  });
  return value;
}

function decodeList(bytes: Uint8Array): readonly JsonValue[] {
  const values: JsonValue[] = [];
  readFields(bytes, (reader) => values.push(decodeValue(reader.bytes())));
  return values;
}

function readFields(bytes: Uint8Array, read: (reader: BinaryReader, no: number) => void): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [no] = reader.tag();
    read(reader, no);
  }
}
