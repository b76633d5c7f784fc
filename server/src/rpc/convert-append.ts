import type { AppendMessagesRequest } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { AppendInput } from "../domain/append-input.js";
import { fromOptionalInt64 } from "./convert.js";
import { fromProtoApiCall } from "./convert-api-call.js";
import { fromProtoMessage } from "./convert-message.js";
import { fromProtoState } from "./convert-state.js";

/** Gives an append as a client asks for it, alone or in a pipeline. */
export function fromAppendRequest(request: AppendMessagesRequest): AppendInput {
  return {
    sessionId: request.sessionId,
    messages: request.messages.map(fromProtoMessage),
    agentStates: request.agentStates.map(fromProtoState),
    apiCalls: request.apiCalls.map(fromProtoApiCall),
    expectedHeadSequence: fromOptionalInt64(request.expectedHeadSequence),
  };
}
