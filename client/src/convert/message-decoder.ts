import {
  MessageSchema,
  MessageStatus,
  PartSchema,
  RawContentSchema,
  Role,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { Message, RawContent } from "../model/message.js";
import { decode } from "../transport/wire.js";
import { toRole, toStatus } from "./message.js";
import { toPart } from "./part.js";
import { fromBytes, required } from "./scalar.js";
import { toStruct } from "./struct.js";
import { delimited, varint, type WireReader } from "./wire-reader.js";

/** A message of which some fields may not have come yet. */
type Draft = {
  -readonly [K in keyof Message]: K extends "role" | "status" | "createdAt" | "updatedAt"
    ? Message[K] | undefined
    : Message[K];
} & { readonly parts: Part[] };

type Part = Message["parts"][number];

const { field } = MessageSchema;

/** What reads a field, by its tag. */
const FIELDS: ((reader: WireReader, draft: Draft) => void)[] = [];
FIELDS[delimited(field.id)] = (reader, draft) => {
  draft.id = reader.string();
};
FIELDS[delimited(field.sessionId)] = (reader, draft) => {
  draft.sessionId = reader.string();
};
FIELDS[varint(field.sequence)] = (reader, draft) => {
  draft.sequence = reader.int64();
};
FIELDS[varint(field.role)] = (reader, draft) => {
  draft.role = toRole(reader.int32());
};
FIELDS[delimited(field.content)] = (reader, draft) => {
  draft.content = reader.string();
};
FIELDS[delimited(field.parts)] = (reader, draft) => {
  draft.parts.push(toPart(decode(PartSchema, reader.bytes())));
};
FIELDS[delimited(field.metadata)] = (reader, draft) => {
  draft.metadata = toStruct(reader.bytes(), field.metadata.name);
};
FIELDS[delimited(field.raw)] = (reader, draft) => {
  draft.raw = decodeRaw(reader.bytes());
};
FIELDS[varint(field.pinned)] = (reader, draft) => {
  draft.pinned = reader.int32() !== 0;
};
FIELDS[varint(field.status)] = (reader, draft) => {
  draft.status = toStatus(reader.int32());
};
FIELDS[varint(field.tokenCount)] = (reader, draft) => {
  draft.tokenCount = reader.int32();
};
FIELDS[delimited(field.createdAt)] = (reader, draft) => {
  draft.createdAt = decodeTime(reader);
};
FIELDS[delimited(field.updatedAt)] = (reader, draft) => {
  draft.updatedAt = decodeTime(reader);
};
FIELDS[varint(field.version)] = (reader, draft) => {
  draft.version = reader.int64();
};
FIELDS[varint(field.revision)] = (reader, draft) => {
  draft.revision = reader.int64();
};

// The numbers are those of google/protobuf/timestamp.proto.
const SECONDS = varint({ number: 1 });
const NANOS = varint({ number: 2 });

/**
 * Decodes a message that a reader is at, up to an end, straight to plain values: what
 * `toMessage` gives of what protobuf-es decodes.
 *
 * @throws StateError `internal` if it is malformed.
 */
export function decodeMessage(reader: WireReader, end: number): Message {
  const draft = newDraft();
  while (reader.position < end) {
    const tag = reader.tag();
    const read = FIELDS[tag];
    if (read) read(reader, draft);
    else reader.skip(tag);
  }
  reader.requireAt(end);
  // What is not sent is the first value of its type, of which these two have no word.
  draft.role ??= toRole(Role.UNSPECIFIED);
  draft.status ??= toStatus(MessageStatus.UNSPECIFIED);
  required(draft.createdAt, "a time");
  required(draft.updatedAt, "a time");
  return draft as Message;
}

function newDraft(): Draft {
  return {
    id: "",
    sessionId: "",
    sequence: 0,
    role: undefined,
    content: "",
    parts: [],
    metadata: {},
    raw: undefined,
    pinned: false,
    status: undefined,
    tokenCount: undefined,
    createdAt: undefined,
    updatedAt: undefined,
    version: 0,
    revision: 0,
  };
}

function decodeTime(reader: WireReader): Date {
  const end = reader.end();
  let [seconds, nanos] = [0, 0];
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === SECONDS) seconds = reader.int64();
    else if (tag === NANOS) nanos = reader.int32();
    else reader.skip(tag);
  }
  reader.requireAt(end);
  return new Date(seconds * 1_000 + Math.round(nanos / 1_000_000));
}

function decodeRaw(bytes: Uint8Array): RawContent {
  const { data, mediaType } = decode(RawContentSchema, bytes);
  return { data: fromBytes(data), mediaType };
}
