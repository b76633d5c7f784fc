import type {
  GetContextResponse,
  Message as ProtoMessage,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { Context, ContextMessage } from "../model/context.js";
import { toMessage } from "./message.js";
import { toPart } from "./part.js";
import { fromInt64 } from "./scalar.js";

/** Gives a context as plain values. */
export function toContext(response: GetContextResponse): Context {
  return {
    messages: response.messages.map((message) =>
      message.id === "" ? toStandIn(message) : toMessage(message),
    ),
    tokenCount: fromInt64(response.tokenCount),
    headSequence: fromInt64(response.headSequence),
    isTruncated: response.isTruncated,
  };
}

/** Gives a message that is not stored, and answers interrupted calls. */
function toStandIn({ sessionId, content, parts }: ProtoMessage): ContextMessage {
  return {
    id: undefined,
    sessionId,
    sequence: undefined,
    role: "tool",
    content,
    parts: parts.map(toPart),
    metadata: {},
    raw: undefined,
    pinned: false,
    status: "complete",
    tokenCount: undefined,
    createdAt: undefined,
    updatedAt: undefined,
    version: undefined,
    revision: undefined,
  };
}
