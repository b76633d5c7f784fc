import { create } from "@bufbuild/protobuf";
import {
  type ForkSessionRequest,
  ForkSessionRequestSchema,
  type ListSessionsRequest,
  ListSessionsRequestSchema,
  type ListSessionsResponse,
  type Session,
  SessionSchema,
  type UpdateSessionRequest,
  UpdateSessionRequestSchema,
} from "@mofa-state/proto/mofa/state/v1/session_pb.js";
import type {
  NewFork,
  NewSession,
  SessionChange,
  SessionFilter,
  SessionInfo,
  SessionPage,
} from "../model/session.js";
import { newId } from "../uuid.js";
import {
  fromInt64,
  fromText,
  fromTimestamp,
  required,
  toOptionalInt64,
  toOptionalTimestamp,
} from "./scalar.js";
import { toList, toObject } from "./shape.js";
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
    forkSessionId: fromText(session.forkSessionId),
    forkSequence: fromInt64(session.forkSequence),
  };
}

/** Gives a page of sessions as plain values. */
export function toSessionPage(response: ListSessionsResponse): SessionPage {
  return {
    sessions: response.sessions.map(toSessionInfo),
    nextPageToken: fromText(response.nextPageToken),
  };
}

/** Gives a session to create, as the API has it, with an id if it has none. */
export function fromNewSession(input: NewSession): Session {
  const { id = newId(), key = "", userId = "", agentId = "" } = toObject(input, "session");
  const { title = "", metadata } = input;
  const session = create(SessionSchema, { id, key, userId, agentId, title });
  return setStruct(session, metadata, { field: SessionSchema.field.metadata });
}

/** Gives a fork to cut from a session as its request, with an id if it has none. */
export function fromNewFork(sessionId: string, input: NewFork): ForkSessionRequest {
  return create(ForkSessionRequestSchema, {
    sessionId,
    session: fromNewSession(input),
    atSequence: toOptionalInt64(input.at, "at_sequence"),
  });
}

/** Gives a filter as the request that lists its page. */
export function fromSessionFilter(
  filter: SessionFilter & { readonly pageToken?: string | undefined },
): ListSessionsRequest {
  const { userId = "", agentId = "", forkSessionId = "" } = toObject(filter, "filter");
  const { pageSize = 0, pageToken = "" } = filter;
  const request = create(ListSessionsRequestSchema, {
    userId,
    agentId,
    forkSessionId,
    pageSize,
    pageToken,
    updatedAfter: toOptionalTimestamp(filter.updatedAfter, "updated_after"),
    updatedBefore: toOptionalTimestamp(filter.updatedBefore, "updated_before"),
  });
  return setStruct(request, filter.metadata, { field: ListSessionsRequestSchema.field.metadata });
}

/** Gives a change of a session as its request. */
export function fromSessionChange(
  sessionId: string,
  change: SessionChange,
  expectedVersion: number | undefined,
): UpdateSessionRequest {
  const { title, metadata, metadataSet, metadataRemove } = toObject(change, "change");
  const paths = [
    ...(title === undefined ? [] : ["title"]),
    ...(metadata === undefined ? [] : ["metadata"]),
  ];
  const request = create(UpdateSessionRequestSchema, {
    session: fromNewSession({ id: sessionId, title, metadata }),
    updateMask: { paths },
    metadataRemove: [...toList(metadataRemove, "metadata_remove")],
    expectedVersion: toOptionalInt64(expectedVersion, "expected_version"),
  });
  return setStruct(request, metadataSet, { field: UpdateSessionRequestSchema.field.metadataSet });
}
