import { create } from "@bufbuild/protobuf";
import {
  AppendMessagesRequestSchema,
  type AppendMessagesResponse,
  MessageService,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import {
  CreateSessionRequestSchema,
  type ListSessionsRequest,
  SessionService,
} from "@mofa-state/proto/mofa/state/v1/session_pb.js";
import type { GrpcClient } from "./grpc-client.js";
import { HISTORY_LENGTH, newMessage, nextId } from "./payload.js";
import { workOff } from "./work-off.js";

const MESSAGES_AN_APPEND = 1_000;
const APPENDS_AT_ONCE = 4;

const histories = new WeakMap<GrpcClient, Promise<string>>();

/** Creates an empty session, of a user where one is given, and gives its id. */
export async function createSession(server: GrpcClient, userId?: string): Promise<string> {
  const id = nextId();
  const session = { id, ...(userId !== undefined && { userId }) };
  const request = create(CreateSessionRequestSchema, { session });
  await server.unary(SessionService.method.createSession, request);
  return id;
}

/** Creates empty sessions, and gives their ids. */
export function createSessions(server: GrpcClient, count: number): Promise<readonly string[]> {
  return Promise.all(Array.from({ length: count }, () => createSession(server)));
}

/** Reads a page of sessions, which must not be empty. */
export async function listSessions(
  client: GrpcClient,
  request: ListSessionsRequest,
): Promise<void> {
  const { sessions } = await client.unary(SessionService.method.listSessions, request);
  if (sessions.length === 0) throw new Error("a page of sessions is empty");
}

/** Appends a message to a session, and gives the answer. */
export function append(client: GrpcClient, sessionId: string): Promise<AppendMessagesResponse> {
  return appendMessages(client, sessionId, 1);
}

/** Appends so many messages to a session, and gives the answer. */
export async function appendMessages(
  client: GrpcClient,
  sessionId: string,
  count: number,
): Promise<AppendMessagesResponse> {
  const messages = Array.from({ length: count }, newMessage);
  const request = create(AppendMessagesRequestSchema, { sessionId, messages });
  const response = await client.unary(MessageService.method.appendMessages, request);
  const { length } = response.messages;
  if (length !== count) throw new Error(`an append was answered with ${length} messages`);
  return response;
}

/** Creates a session of so many messages, and gives its id. */
export async function createLong(server: GrpcClient, length: number): Promise<string> {
  const sessionId = await createSession(server);
  const count = Math.ceil(length / MESSAGES_AN_APPEND);
  await workOff({ count, atOnce: APPENDS_AT_ONCE }, (index) => {
    const left = length - index * MESSAGES_AN_APPEND;
    return appendMessages(server, sessionId, Math.min(left, MESSAGES_AN_APPEND));
  });
  return sessionId;
}

/** Gives the id of a session of `HISTORY_LENGTH` messages, the same one for all cases. */
export function historyOf(server: GrpcClient): Promise<string> {
  const history = histories.get(server) ?? createLong(server, HISTORY_LENGTH);
  histories.set(server, history);
  return history;
}
