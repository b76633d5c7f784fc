import type {
  ListSessionsRequest,
  SessionService,
  UpdateSessionRequest,
} from "@mofa-state/proto/mofa/state/v1/session_pb.js";
import type { SessionQuery, Sessions, SessionUpdate } from "../domain/sessions.js";
import { fromOptionalInt64, fromStruct, fromTimestamp } from "./convert.js";
import { fromProtoSession, toProtoSession } from "./convert-session.js";
import type { Handlers } from "./service.js";

/** Implements SessionService. */
export function sessionHandlers(sessions: Sessions): Handlers<typeof SessionService> {
  return {
    async createSession({ session }, { tenantId }) {
      const created = await sessions.create(tenantId, fromProtoSession(session));
      return { session: toProtoSession(created) };
    },

    async openSession({ session }, { tenantId }) {
      const opened = await sessions.open(tenantId, fromProtoSession(session));
      return { session: toProtoSession(opened.session), created: opened.created };
    },

    async getSession({ session }, { tenantId }) {
      const found =
        session.case === "key"
          ? await sessions.getByKey(tenantId, session.value)
          : await sessions.get(tenantId, session.value ?? "");
      return { session: toProtoSession(found) };
    },

    async listSessions(request, { tenantId }) {
      const { items, nextPageToken } = await sessions.list(tenantId, fromListRequest(request));
      return { sessions: items.map(toProtoSession), nextPageToken };
    },

    async updateSession(request, { tenantId }) {
      const updated = await sessions.update(tenantId, fromUpdateRequest(request));
      return { session: toProtoSession(updated) };
    },

    async deleteSession({ sessionId }, { tenantId }) {
      await sessions.delete(tenantId, sessionId);
      return {};
    },

    async forkSession({ sessionId, atSequence, session }, { tenantId }) {
      const forked = await sessions.fork(tenantId, {
        sessionId,
        atSequence: fromOptionalInt64(atSequence),
        session: fromProtoSession(session),
      });
      return { session: toProtoSession(forked) };
    },
  };
}

function fromListRequest(request: ListSessionsRequest): SessionQuery {
  return {
    pageSize: request.pageSize,
    pageToken: request.pageToken,
    userId: request.userId,
    agentId: request.agentId,
    forkSessionId: request.forkSessionId,
    metadata: fromStruct(request.metadata),
    updatedAfter: fromTimestamp(request.updatedAfter),
    updatedBefore: fromTimestamp(request.updatedBefore),
  };
}

function fromUpdateRequest(request: UpdateSessionRequest): SessionUpdate {
  return {
    session: fromProtoSession(request.session),
    updateMask: request.updateMask?.paths ?? [],
    metadataSet: fromStruct(request.metadataSet),
    metadataRemove: request.metadataRemove,
    expectedVersion: fromOptionalInt64(request.expectedVersion),
  };
}
