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
import type { MessageEncoding, PassedMessage } from "../domain/history-cache/message-encoder.js";
import type { JsonObject, Message } from "../domain/model.js";
import type { MessagePieces } from "./calls/reply-frame.js";
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

/** Writers of encodings that have ended: each has a buffer that grew to a page's size. */
const idleWriters: WireWriter[] = [];
const MAX_IDLE_WRITERS = 4;

/** Encodes a frame that brings messages, byte for byte as protobuf-es would. */
export function encodeMessageFrame(messages: readonly Message[], resumeToken: string): Buffer {
  const bytes = messages.reduce((sum, message) => sum + message.bytes, 0);
  beginFrame(resumeToken);
  const batch = writer.begin(BATCH, bytes);
  for (const message of messages) writeMessage(writer, MESSAGES, message);
  writer.end(batch);
  return Buffer.from(writer.written);
}

/** Begins to encode messages for frames that {@link encodeBatchFrame} makes of them. */
export function beginMessages(): MessageEncoding {
  return new WireEncoding();
}

/**
 * Encodes a frame that brings messages which are encoded already, as {@link encodeMessageFrame}
 * would. They are not copied, and what comes before them is a view, which the next frame
 * overwrites.
 */
export function encodeBatchFrame(
  slices: readonly Uint8Array[],
  resumeToken: string,
): MessagePieces {
  beginFrame(resumeToken);
  const size = slices.reduce((sum, { length }) => sum + length, 0);
  writer.uint(BATCH, size);
  const head = writer.written;
  return { head, body: slices, byteLength: head.byteLength + size };
}

/** Encodes a frame that says that a stream has caught up, byte for byte as protobuf-es would. */
export function encodeCaughtUpFrame(
  { headSequence, revision }: Pick<SessionPosition, "headSequence" | "revision">,
  resumeToken: string,
): Buffer {
  beginFrame(resumeToken);
  const caughtUp = writer.begin(CAUGHT_UP, CAUGHT_UP_BYTES);
  if (headSequence !== 0) writer.uint(HEAD_SEQUENCE, headSequence);
  if (revision !== 0) writer.uint(CAUGHT_UP_REVISION, revision);
  writer.end(caughtUp);
  return Buffer.from(writer.written);
}

/** Forgets the frame before, and writes what every frame begins with. */
function beginFrame(resumeToken: string): void {
  writer.reset();
  if (resumeToken !== "") writer.text(RESUME_TOKEN, resumeToken);
}

class WireEncoding implements MessageEncoding {
  readonly #writer = idleWriters.pop() ?? new WireWriter();
  readonly #sequences: number[] = [];
  readonly #ends: number[] = [];

  add(message: PassedMessage): void {
    writeMessage(this.#writer, MESSAGES, message);
    this.#sequences.push(message.sequence);
    this.#ends.push(this.#writer.length);
  }

  end(count: number): EncodedMessages {
    const ends = this.#ends.slice(0, count);
    const written = this.#writer.written.subarray(0, ends.at(-1) ?? 0);
    // Not a Buffer: a small one would keep the pool alive that it is a part of.
    const encoded = new EncodedMessages(
      new Uint8Array(written),
      this.#sequences.slice(0, count),
      ends,
    );
    this.#writer.reset();
    if (idleWriters.length < MAX_IDLE_WRITERS) idleWriters.push(this.#writer);
    return encoded;
  }
}

/** Writes a message as a field with a tag, byte for byte as protobuf-es would. */
export function writeMessage(writer: WireWriter, tag: number, given: PassedMessage): void {
  const begun = writer.begin(tag, given.bytes);
  const { id, sessionId, sequence, content, tokenCount, version, revision } = given;
  if (id.length > 0) writer.text(ID, id);
  if (sessionId !== "") writer.text(SESSION_ID, sessionId);
  if (sequence !== 0) writer.int(SEQUENCE, sequence);
  writer.uint(ROLE, ROLES[given.role]);
  if (content.length > 0) writer.text(CONTENT, content);
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
function writeRare(writer: WireWriter, { parts, metadata, raw }: PassedMessage): void {
  if (parts.length === 0 && raw === undefined && isEmpty(metadata)) return;
  const rare = { parts: parts.map(toProtoPart), ...toStruct(metadata), ...(raw && { raw }) };
  writer.encoded(toBinary(MessageSchema, create(MessageSchema, rare)));
}

/** Whether an object is empty: told without making a list of its keys, since most are. */
function isEmpty(object: JsonObject): boolean {
  for (const _ in object) return false;
  return true;
}

function writeTime(writer: WireWriter, tag: number, time: Date | number): void {
  const ms = Number(time);
  const seconds = Math.floor(ms / 1_000);
  const nanos = (ms - seconds * 1_000) * 1_000_000;
  const begun = writer.begin(tag, TIMESTAMP_BYTES);
  if (seconds !== 0) writer.int(SECONDS, seconds);
  if (nanos !== 0) writer.uint(NANOS, nanos);
  writer.end(begun);
}
