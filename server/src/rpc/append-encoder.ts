import { create, toBinary } from "@bufbuild/protobuf";
import {
  AppendMessagesResponseSchema,
  PipelineAppendsResponseSchema,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { Appended } from "../domain/storage.js";
import { toProtoState } from "./convert-state.js";
import { writeMessage } from "./message-encoder.js";
import { delimited, varint, WireWriter } from "./wire-writer.js";

const response = AppendMessagesResponseSchema.field;
const MESSAGES = delimited(response.messages);
const HEAD_SEQUENCE = varint(response.headSequence);
const REVISION = varint(response.revision);

const REQUEST_ID = delimited(PipelineAppendsResponseSchema.field.requestId);
const RESPONSE = delimited(PipelineAppendsResponseSchema.field.response);

const writer = new WireWriter();

/** Encodes the answer to an append, byte for byte as protobuf-es would. */
export function encodeAppended(appended: Appended): Buffer {
  writer.reset();
  writeAppended(appended);
  return Buffer.from(writer.written);
}

/** Encodes the answer to an append of a pipeline, byte for byte as protobuf-es would. */
export function encodePipelined(requestId: string, appended: Appended): Buffer {
  const bytes = appended.messages.reduce((sum, message) => sum + message.bytes, 0);
  writer.reset();
  if (requestId !== "") writer.text(REQUEST_ID, requestId);
  const begun = writer.begin(RESPONSE, bytes);
  writeAppended(appended);
  writer.end(begun);
  return Buffer.from(writer.written);
}

function writeAppended({ messages, agentStates, headSequence, revision }: Appended): void {
  for (const message of messages) writeMessage(writer, MESSAGES, message);
  if (agentStates.length > 0) {
    const states = { agentStates: agentStates.map(toProtoState) };
    writer.encoded(
      toBinary(AppendMessagesResponseSchema, create(AppendMessagesResponseSchema, states)),
    );
  }
  if (headSequence !== 0) writer.int(HEAD_SEQUENCE, headSequence);
  if (revision !== 0) writer.int(REVISION, revision);
}
