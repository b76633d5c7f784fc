import { create, toBinary } from "@bufbuild/protobuf";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import {
  CaughtUpSchema,
  MessageBatchSchema,
  MessageSchema,
  StreamMessagesResponseSchema,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { SessionPosition } from "../domain/change-storage.js";
import { EncodedMessages } from "../domain/history-cache/encoded-messages.js";
import type { Message } from "../domain/model.js";
import { toStruct } from "./convert.js";
import { ROLES, STATUSES, toProtoPart } from "./convert-message.js";
import { delimited, varint, WireWriter } from "./wire-writer.js";

const message = MessageSchema.field;
const ID = delimited(message.id);
const SESSION_ID = delimited(message.sessionId);
const SEQUENCE = varint(message.sequence);
const ROLE = varint(message.role);
const CONTENT = delimited(message.content);
const PINNED = varint(message.pinned);
const STATUS = varint(message.status);
const TOKEN_COUNT = varint(message.tokenCount);
const CREATED_AT = delimited(message.createdAt);
const UPDATED_AT = delimited(message.updatedAt);
const VERSION = varint(message.version);
const REVISION = varint(message.revision);

const SECONDS = varint(TimestampSchema.field.seconds);
const NANOS = varint(TimestampSchema.field.nanos);
const TIMESTAMP_BYTES = 12;

const MESSAGES = delimited(MessageBatchSchema.field.messages);
const RESUME_TOKEN = delimited(StreamMessagesResponseSchema.field.resumeToken);
const BATCH = delimited(StreamMessagesResponseSchema.field.messages);
const CAUGHT_UP = delimited(StreamMessagesResponseSchema.field.caughtUp);
const HEAD_SEQUENCE = varint(CaughtUpSchema.field.headSequence);
const CAUGHT_UP_REVISION = varint(CaughtUpSchema.field.revision);
const CAUGHT_UP_BYTES = 8;

const writer = new WireWriter();

/** Encodes a frame that brings messages, byte for byte as protobuf-es would. */
export function encodeMessageFrame(messages: readonly Message[], resumeToken: string): Buffer {
  const bytes = messages.reduce((sum, message) => sum + message.bytes, 0);
  writer.reset();
  if (resumeToken !== "") writer.text(RESUME_TOKEN, resumeToken);
  const batch = writer.begin(BATCH, bytes);
  for (const message of messages) writeMessage(writer, MESSAGES, message);
  writer.end(batch);
  return Buffer.from(writer.written);
}

/** Encodes messages for frames that {@link encodeBatchFrame} makes of them. */
export function encodeMessages(messages: readonly Message[]): EncodedMessages {
  writer.reset();
  const ends = messages.map((message) => {
    writeMessage(writer, MESSAGES, message);
    return writer.length;
  });
  const sequences = messages.map(({ sequence }) => sequence);
  // Not a Buffer: a small one would keep the pool alive that it is a part of.
  return new EncodedMessages(new Uint8Array(writer.written), sequences, ends);
}

/** Encodes a frame that brings messages which are encoded already, as {@link encodeMessageFrame} would. */
export function encodeBatchFrame(slices: readonly Uint8Array[], resumeToken: string): Buffer {
  const size = slices.reduce((sum, { length }) => sum + length, 0);
  writer.reset();
  if (resumeToken !== "") writer.text(RESUME_TOKEN, resumeToken);
  writer.uint(BATCH, size);
  const head = writer.written;
  const frame = Buffer.allocUnsafe(head.length + size);
  frame.set(head);
  let at = head.length;
  for (const slice of slices) {
    frame.set(slice, at);
    at += slice.length;
  }
  return frame;
}

/** Encodes a frame that says that a stream has caught up, byte for byte as protobuf-es would. */
export function encodeCaughtUpFrame(
  { headSequence, revision }: Pick<SessionPosition, "headSequence" | "revision">,
  resumeToken: string,
): Buffer {
  writer.reset();
  if (resumeToken !== "") writer.text(RESUME_TOKEN, resumeToken);
  const caughtUp = writer.begin(CAUGHT_UP, CAUGHT_UP_BYTES);
  if (headSequence !== 0) writer.uint(HEAD_SEQUENCE, headSequence);
  if (revision !== 0) writer.uint(CAUGHT_UP_REVISION, revision);
  writer.end(caughtUp);
  return Buffer.from(writer.written);
}

/** Writes a message as a field with a tag, byte for byte as protobuf-es would. */
export function writeMessage(writer: WireWriter, tag: number, given: Message): void {
  const begun = writer.begin(tag, given.bytes);
  const { id, sessionId, sequence, content, tokenCount, version, revision } = given;
  if (id !== "") writer.text(ID, id);
  if (sessionId !== "") writer.text(SESSION_ID, sessionId);
  if (sequence !== 0) writer.int(SEQUENCE, sequence);
  writer.uint(ROLE, ROLES[given.role]);
  if (content !== "") writer.text(CONTENT, content);
  writeRare(writer, given);
  if (given.pinned) writer.uint(PINNED, 1);
  writer.uint(STATUS, STATUSES[given.status]);
  if (tokenCount !== undefined) writer.int(TOKEN_COUNT, tokenCount);
  writeTime(writer, CREATED_AT, given.createdAt);
  writeTime(writer, UPDATED_AT, given.updatedAt);
  if (version !== 0) writer.int(VERSION, version);
  if (revision !== 0) writer.int(REVISION, revision);
  writer.end(begun);
}

/** Writes what few messages have, by protobuf-es: its fields follow one another. */
function writeRare(writer: WireWriter, { parts, metadata, raw }: Message): void {
  const struct = toStruct(metadata);
  if (parts.length === 0 && struct.metadata === undefined && raw === undefined) return;
  const rare = { parts: parts.map(toProtoPart), ...struct, ...(raw && { raw }) };
  writer.encoded(toBinary(MessageSchema, create(MessageSchema, rare)));
}

function writeTime(writer: WireWriter, tag: number, time: Date): void {
  const ms = time.getTime();
  const seconds = Math.floor(ms / 1_000);
  const nanos = (ms - seconds * 1_000) * 1_000_000;
  const begun = writer.begin(tag, TIMESTAMP_BYTES);
  if (seconds !== 0) writer.int(SECONDS, seconds);
  if (nanos !== 0) writer.uint(NANOS, nanos);
  writer.end(begun);
}
