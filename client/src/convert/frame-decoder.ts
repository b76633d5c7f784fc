import {
  CaughtUpSchema,
  MessageBatchSchema,
  StreamMessagesResponseSchema,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { Message, MessageFrame } from "../model/message.js";
import { decodeMessage } from "./message-decoder.js";
import { delimited, varint, WireReader } from "./wire-reader.js";

const { field } = StreamMessagesResponseSchema;
const RESUME_TOKEN = delimited(field.resumeToken);
const BATCH = delimited(field.messages);
const CAUGHT_UP = delimited(field.caughtUp);
const MESSAGES = delimited(MessageBatchSchema.field.messages);
const HEAD_SEQUENCE = varint(CaughtUpSchema.field.headSequence);
const REVISION = varint(CaughtUpSchema.field.revision);

/**
 * Decodes a frame of a stream that does not follow straight to plain values: what
 * `toMessageFrame` gives of what protobuf-es decodes.
 *
 * @throws StateError `internal` if it is malformed.
 */
export function decodeMessageFrame(bytes: Uint8Array): MessageFrame {
  const reader = new WireReader(bytes);
  const messages: Message[] = [];
  let resumeToken = "";
  let caughtUp: MessageFrame["caughtUp"];
  while (reader.position < reader.length) {
    const tag = reader.tag();
    if (tag === BATCH) decodeBatch(reader, messages);
    else if (tag === RESUME_TOKEN) resumeToken = reader.string();
    else if (tag === CAUGHT_UP) caughtUp = decodePosition(reader);
    else reader.skip(tag);
  }
  return { messages, resumeToken, caughtUp };
}

function decodeBatch(reader: WireReader, messages: Message[]): void {
  const end = reader.end();
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === MESSAGES) messages.push(decodeMessage(reader, reader.end()));
    else reader.skip(tag);
  }
  reader.requireAt(end);
}

function decodePosition(reader: WireReader): MessageFrame["caughtUp"] {
  const end = reader.end();
  let [headSequence, revision] = [0, 0];
  while (reader.position < end) {
    const tag = reader.tag();
    if (tag === HEAD_SEQUENCE) headSequence = reader.int64();
    else if (tag === REVISION) revision = reader.int64();
    else reader.skip(tag);
  }
  reader.requireAt(end);
  return { headSequence, revision };
}
