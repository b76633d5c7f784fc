import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  AppendMessagesRequest,
  AppendMessagesResponseSchema,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { AppendInput } from "../domain/append-input.js";
import type { Appended } from "../domain/storage.js";
import { fromOptionalInt64 } from "./convert.js";
import { fromProtoApiCall } from "./convert-api-call.js";
import { fromProtoMessage, toProtoMessage } from "./convert-message.js";
import { fromProtoState, toProtoState } from "./convert-state.js";

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

/** Gives what an append stored as the API has it. */
export function toProtoAppended(
  appended: Appended,
): MessageInitShape<typeof AppendMessagesResponseSchema> {
  return {
    messages: appended.messages.map(toProtoMessage),
    agentStates: appended.agentStates.map(toProtoState),
    headSequence: BigInt(appended.headSequence),
    revision: BigInt(appended.revision),
  };
}
