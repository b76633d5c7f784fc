import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  AgentStateSchema,
  NewAgentState,
  PutAgentStateRequest,
} from "@mofa-state/proto/mofa/state/v1/agent_state_pb.js";
import type { AgentStateInput } from "../domain/agent-states.js";
import type { AgentState } from "../domain/model.js";
import { fromOptionalInt64, toTimestamp } from "./convert.js";

/** Gives what a client sets of a state, alone or as a part of an append. */
export function fromProtoState(state: NewAgentState | PutAgentStateRequest): AgentStateInput {
  const { payload } = state;
  return {
    id: state.id,
    key: state.key,
    json: payload.case === "json" ? payload.value : undefined,
    data: payload.case === "data" ? payload.value : undefined,
    mediaType: state.mediaType,
    expectedVersion: fromOptionalInt64(state.expectedVersion),
  };
}

/** Gives a state as the API has it. */
export function toProtoState(state: AgentState): MessageInitShape<typeof AgentStateSchema> {
  const { json, data } = state.payload;
  return {
    id: state.id,
    sessionId: state.sessionId,
    key: state.key,
    version: BigInt(state.version),
    payload: json === undefined ? { case: "data", value: data } : { case: "json", value: json },
    mediaType: state.payload.mediaType,
    createdAt: toTimestamp(state.createdAt),
    revision: BigInt(state.revision),
  };
}
