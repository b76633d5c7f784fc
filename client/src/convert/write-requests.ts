import { create } from "@bufbuild/protobuf";
import {
  MessageStatus,
  type Part as ProtoPart,
  type WriteFinish,
  WriteFinishSchema,
  type WriteMessageRequest,
  WriteMessageRequestSchema,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { invalidArgument } from "../errors.js";
import type { MessageEnding, MessageHeader } from "../model/writing.js";
import { fromNewApiCall } from "./api-call.js";
import { describe } from "./describe.js";
import { fromMessageContent, fromRole } from "./message.js";
import { fromPart } from "./part.js";
import { toInt64, toOptionalInt64 } from "./scalar.js";
import { toList, toObject } from "./shape.js";

/** What begins, or goes on with, the writing of a message. */
export interface Start {
  readonly sessionId: string;
  readonly messageId: string;
  readonly header: MessageHeader;
  readonly writerId: string;
  readonly expectedHeadSequence: number | undefined;
}

/** Gives the start of a writing as its request. */
export function fromStart({ sessionId, messageId, header, ...start }: Start): WriteMessageRequest {
  const path = "start.message.";
  const { id: _, ...content } = toObject(header, "start.message");
  const message = fromMessageContent(content, path);
  message.id = messageId;
  message.role = fromRole(header.role, `${path}role`);
  const { writerId } = start;
  const expectedHeadSequence = toOptionalInt64(
    start.expectedHeadSequence,
    "start.expected_head_sequence",
  );
  const value = { sessionId, message, expectedHeadSequence, writerId };
  return create(WriteMessageRequestSchema, { write: { case: "start", value } });
}

/** Gives text as the request that adds it after so many UTF-8 bytes. */
export function fromTextDelta(text: string, offset: number): WriteMessageRequest {
  const delta = { case: "text", value: text } as const;
  const value = { offset: toInt64(offset, "delta.offset"), delta };
  return create(WriteMessageRequestSchema, { write: { case: "delta", value } });
}

/** Gives a part as the request that adds it after so many others. */
export function fromPartDelta(part: ProtoPart, partIndex: number): WriteMessageRequest {
  const value = { partIndex, delta: { case: "part", value: part } } as const;
  return create(WriteMessageRequestSchema, { write: { case: "delta", value } });
}

/**
 * Gives the end of a writing as the API has it, with an id for an API call that has none.
 *
 * @throws StateError `invalid_argument` if the status is none that a message may end with.
 */
export function fromEnding(ending: MessageEnding): WriteFinish {
  const { parts, status = "complete", tokenCount, apiCall } = toObject(ending, "finish");
  if (status !== "complete" && status !== "interrupted") {
    const description = `must be complete or interrupted, not ${describe(status)}`;
    throw invalidArgument("finish.status", description);
  }
  return create(WriteFinishSchema, {
    parts: toList(parts, "finish.parts").map((part, index) =>
      fromPart(part, `finish.parts[${index}]`),
    ),
    status: status === "complete" ? MessageStatus.COMPLETE : MessageStatus.INTERRUPTED,
    tokenCount,
    apiCall: apiCall === undefined ? undefined : fromNewApiCall(apiCall, "finish.api_call"),
  });
}
