import type {
  ListAgentStatesResponse,
  AgentState as ProtoAgentState,
} from "@mofa-state/proto/mofa/state/v1/agent_state_pb.js";
import { StateError } from "../errors.js";
import type { AgentState, AgentStatePage, NewAgentState } from "../model/agent-state.js";
import type { JsonValue } from "../model/json.js";
import { newId } from "../uuid.js";
import { fromJsonText, toJsonText } from "./json.js";
import {
  fromBytes,
  fromInt64,
  fromText,
  fromTimestamp,
  required,
  toOptionalInt64,
} from "./scalar.js";

/** Gives a state as plain values. */
export function toAgentState(answer: ProtoAgentState | undefined): AgentState {
  const state = required(answer, "the state");
  return {
    id: state.id,
    sessionId: state.sessionId,
    key: state.key,
    version: fromInt64(state.version),
    state: fromPayload(state.payload),
    mediaType: fromText(state.mediaType),
    createdAt: fromTimestamp(state.createdAt),
    revision: fromInt64(state.revision),
  };
}

/** Gives a page of states as plain values. */
export function toAgentStatePage(response: ListAgentStatesResponse): AgentStatePage {
  return {
    agentStates: response.agentStates.map(toAgentState),
    nextPageToken: fromText(response.nextPageToken),
  };
}

/** Gives the fields of a state to put, with an id if it has none; `path` leads to them. */
export function fromNewAgentState(state: NewAgentState, path: string) {
  return {
    id: state.id ?? newId(),
    key: state.key ?? "",
    payload: toPayload(state.state, `${path}json`),
    mediaType: state.mediaType ?? "",
    expectedVersion: toOptionalInt64(state.expectedVersion, `${path}expected_version`),
  };
}

function toPayload(state: JsonValue | Uint8Array, path: string) {
  if (state instanceof Uint8Array) return { case: "data", value: state } as const;
  return { case: "json", value: toJsonText(state, path) } as const;
}

function fromPayload(payload: ProtoAgentState["payload"]): JsonValue | Uint8Array {
  if (payload.case === "data") return fromBytes(payload.value);
  if (payload.case === "json") return fromJsonText(payload.value);
  throw new StateError("internal", "the server's answer has a state without content");
}
