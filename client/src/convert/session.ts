import { create } from "@bufbuild/protobuf";
import {
  type ListSessionsRequest,
  ListSessionsRequestSchema,
  type ListSessionsResponse,
  type Session,
  SessionSchema,
  type UpdateSessionRequest,
  UpdateSessionRequestSchema,
} from "@mofa-state/proto/mofa/state/v1/session_pb.js";
import type {
  NewSession,
  SessionChange,
  SessionFilter,
  SessionInfo,
  SessionPage,
} from "../model/session.js";
import {
  fromInt64,
  fromText,
  fromTimestamp,
  required,
  toOptionalInt64,
  toTimestamp,
} from "./scalar.js";
import { getStruct, setStruct } from "./struct.js";

/** Gives a session as plain values. */
export function toSessionInfo(answer: Session | undefined): SessionInfo {
  const session = required(answer, "the session");
  return {
    id: session.id,
    key: fromText(session.key),
    userId: fromText(session.userId),
    agentId: fromText(session.agentId),
    title: session.title,
    metadata: getStruct(session, SessionSchema.field.metadata),
    createdAt: fromTimestamp(session.createdAt),
    updatedAt: fromTimestamp(session.updatedAt),
    headSequence: fromInt64(session.headSequence),
    messageCount: fromInt64(session.messageCount),
    revision: fromInt64(session.revision),
    version: fromInt64(session.version),
  };
}

/** Gives a page of sessions as plain values. */
export function toSessionPage(response: ListSessionsResponse): SessionPage {
  return {
    sessions: response.sessions.map(toSessionInfo),
    nextPageToken: fromText(response.nextPageToken),
  };
}

/** Gives a session to create, as the API has it. */
export function fromNewSession(input: NewSession): Session {
  const { id = "", key = "", userId = "", agentId = "", title = "", metadata } = input;
  const session = create(SessionSchema, { id, key, userId, agentId, title });
  return setStruct(session, metadata, { field: SessionSchema.field.metadata });
}

/** Gives a filter as the request that lists its page. */
export function fromSessionFilter(filter: SessionFilter, pageToken = ""): ListSessionsRequest {
  const { userId = "", agentId = "", pageSize = 0, updatedAfter, updatedBefore } = filter;
  const request = create(ListSessionsRequestSchema, { userId, agentId, pageSize, pageToken });
  if (updatedAfter) request.updatedAfter = toTimestamp(updatedAfter, "updated_after");
  if (updatedBefore) request.updatedBefore = toTimestamp(updatedBefore, "updated_before");
  return setStruct(request, filter.metadata, { field: ListSessionsRequestSchema.field.metadata });
}

/** Gives a change of a session as its request. */
export function fromSessionChange(
  sessionId: string,
  change: SessionChange,
  expectedVersion: number | undefined,
): UpdateSessionRequest {
  const { title, metadata, setMetadata, removeMetadata } = change;
  const paths = [...(title === undefined ? [] : ["title"]), ...(metadata ? ["metadata"] : [])];
  const request = create(UpdateSessionRequestSchema, {
    session: fromNewSession({ id: sessionId, title, metadata }),
    updateMask: { paths },
    metadataRemove: [...(removeMetadata ?? [])],
    expectedVersion: toOptionalInt64(expectedVersion, "expected_version"),
  });
  return setStruct(request, setMetadata, { field: UpdateSessionRequestSchema.field.metadataSet });
}
