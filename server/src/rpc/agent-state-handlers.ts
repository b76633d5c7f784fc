import type { AgentStateService } from "@mofa-state/proto/mofa/state/v1/agent_state_pb.js";
import type { AgentStates } from "../domain/agent-states.js";
import { fromOptionalInt64 } from "./convert.js";
import { fromProtoState, toProtoState } from "./convert-state.js";
import type { Handlers } from "./service.js";

/** Implements AgentStateService. */
export function agentStateHandlers(agentStates: AgentStates): Handlers<typeof AgentStateService> {
  return {
    async putAgentState(request, { tenantId }) {
      const state = await agentStates.put(tenantId, request.sessionId, fromProtoState(request));
      return { agentState: toProtoState(state) };
    },

    async getAgentState({ sessionId, key, version }, { tenantId }) {
      const wanted = fromOptionalInt64(version);
      const state = await agentStates.get(tenantId, sessionId, key, wanted);
      return { agentState: toProtoState(state) };
    },

    async listAgentStates({ sessionId, key, pageSize, pageToken }, { tenantId }) {
      const query = { sessionId, key, pageSize, pageToken };
      const { items, nextPageToken } = await agentStates.list(tenantId, query);
      return { agentStates: items.map(toProtoState), nextPageToken };
    },

    async deleteAgentState({ sessionId, key, expectedVersion }, { tenantId }) {
      await agentStates.delete(tenantId, sessionId, key, fromOptionalInt64(expectedVersion));
      return {};
    },
  };
}
