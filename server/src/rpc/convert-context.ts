import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type GetContextRequest,
  type GetContextResponseSchema,
  type MessageSchema,
  MessageStatus,
  Role,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { Context } from "../domain/context/context.js";
import type { ContextRequest } from "../domain/context/context-request.js";
import type { StandIn } from "../domain/context/stand-in.js";
import { toProtoMessage, toProtoPart } from "./convert-message.js";

/** Gives the request of a context. */
export function fromContextRequest(request: GetContextRequest): ContextRequest {
  const { sessionId, maxTurns, maxMessages, maxTokens, answerInterruptedCalls } = request;
  return { sessionId, maxTurns, maxMessages, maxTokens, answerInterruptedCalls };
}

/** Gives a context as the API has it. */
export function toProtoContext(
  context: Context,
): MessageInitShape<typeof GetContextResponseSchema> {
  return {
    messages: context.messages.map((message) =>
      "id" in message ? toProtoMessage(message) : toProtoStandIn(message),
    ),
    tokenCount: BigInt(context.tokenCount),
    headSequence: BigInt(context.headSequence),
    isTruncated: context.isTruncated,
  };
}

function toProtoStandIn({ sessionId, parts }: StandIn): MessageInitShape<typeof MessageSchema> {
  const status = MessageStatus.COMPLETE;
  return { sessionId, role: Role.TOOL, parts: parts.map(toProtoPart), status };
}
