import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  MessageStatus,
  type WriteDelta,
  type WriteFinish,
  type WriteMessageRequest,
  type WriteMessageResponseSchema,
  type WriteStart,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { WriteEnd } from "../domain/write-storage.js";
import type { WriteInput, WriteOutput } from "../domain/writing/write-input.js";
import { fromInt64, fromOptionalInt64 } from "./convert.js";
import { fromProtoApiCall } from "./convert-api-call.js";
import { fromProtoMessage, fromProtoPart, toProtoMessage } from "./convert-message.js";

/** Gives one request of a writer. */
export function fromWriteRequest({ write }: WriteMessageRequest): WriteInput {
  switch (write.case) {
    case "start":
      return fromStart(write.value);
    case "delta":
      return fromDelta(write.value);
    case "finish":
      return fromFinish(write.value);
    case undefined:
      return { type: "none", field: "write" };
  }
}

function fromStart(start: WriteStart): WriteInput {
  return {
    type: "start",
    sessionId: start.sessionId,
    message: start.message && fromProtoMessage(start.message),
    writerId: start.writerId,
    expectedHeadSequence: fromOptionalInt64(start.expectedHeadSequence),
  };
}

function fromDelta({ offset, delta, partIndex }: WriteDelta): WriteInput {
  switch (delta.case) {
    case "text":
      return { type: "text", offset: fromInt64(offset), text: delta.value };
    case "part":
      return { type: "part", partIndex, part: fromProtoPart(delta.value) };
    case undefined:
      return { type: "none", field: "delta" };
  }
}

function fromFinish({ parts, status, tokenCount, apiCall }: WriteFinish): WriteInput {
  return {
    type: "finish",
    parts: parts.map(fromProtoPart),
    status: fromFinishStatus(status),
    tokenCount,
    apiCall: apiCall && fromProtoApiCall(apiCall),
  };
}

function fromFinishStatus(status: MessageStatus): WriteEnd["status"] | undefined {
  switch (status) {
    case MessageStatus.UNSPECIFIED:
    case MessageStatus.COMPLETE:
      return "complete";
    case MessageStatus.INTERRUPTED:
      return "interrupted";
    default:
      return undefined;
  }
}

/** Gives one answer to a writer as the API has it. */
export function toProtoWritten(
  output: WriteOutput,
): MessageInitShape<typeof WriteMessageResponseSchema> {
  if (output.type === "message") {
    return { write: { case: "message", value: toProtoMessage(output.message) } };
  }
  const { messageId, sequence, offset, partCount } = output;
  const value = { messageId, sequence: BigInt(sequence), offset: BigInt(offset), partCount };
  return { write: { case: "acknowledged", value } };
}
