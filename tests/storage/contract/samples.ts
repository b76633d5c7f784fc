import type { ApiCallContent, NewApiCall } from "../../../server/src/domain/api-call.js";
import type { ChangeRange } from "../../../server/src/domain/change-storage.js";
import type { MessageContent, Role, StatePayload } from "../../../server/src/domain/model.js";
import { measureMessage } from "../../../server/src/domain/new-message.js";
import {
  hashApiCall,
  hashFork,
  hashMessage,
  hashSession,
  hashState,
} from "../../../server/src/domain/request-hash.js";
import type {
  Append,
  NewAgentState,
  NewFork,
  NewMessage,
  NewSession,
  SessionRef,
  SessionToOpen,
  Storage,
} from "../../../server/src/domain/storage.js";
import { newUuid } from "../../../server/src/domain/uuid.js";
import type {
  NewWrite,
  StartedWrite,
  WriteEnd,
  WriteRef,
  WrittenText,
} from "../../../server/src/domain/write-storage.js";

/** Bounds that no page of these tests reaches. */
export const WIDE = { maxItems: 1_000, maxBytes: 64 * 1024 * 1024 };

/** All messages of a session, oldest first. */
export const EVERYTHING = {
  afterSequence: 0,
  upToSequence: Number.MAX_SAFE_INTEGER,
  order: "ascending",
} as const;

/** All changes of a session, to one who has all its messages. */
export const ALL_CHANGES: ChangeRange = {
  afterRevision: 0,
  upToRevision: Number.MAX_SAFE_INTEGER,
  upToSequence: Number.MAX_SAFE_INTEGER,
};

/** Gives a session to create, of a tenant of its own where none is given. */
export function newSession(given: Partial<NewSession> = {}): NewSession {
  const session = {
    tenantId: newUuid(),
    id: newUuid(),
    key: undefined,
    userId: undefined,
    agentId: undefined,
    title: "",
    metadata: {},
    ...given,
  };
  return { ...session, requestHash: hashSession(session) };
}

/** Gives a fork to create, of the same tenant. */
export function forkOf(
  { tenantId, sessionId }: SessionRef,
  atSequence?: number,
  given: Partial<NewSession> = {},
): NewFork {
  const session = newSession({ tenantId, ...given });
  return { ...session, requestHash: hashFork(session, sessionId, atSequence), atSequence };
}

/** Gives a session to open by its key, or by its id where that is given. */
export function sessionToOpen(given: Partial<NewSession>): SessionToOpen {
  return { ...newSession(given), idIsGiven: given.id !== undefined };
}

/** Creates a session, and tells where it is. */
export async function createSession(
  storage: Pick<Storage, "sessions">,
  given: Partial<NewSession> = {},
): Promise<SessionRef> {
  const session = newSession(given);
  await storage.sessions.create(session);
  return { tenantId: session.tenantId, sessionId: session.id };
}

/** What may be given of a message. */
export type MessageSample = Partial<MessageContent> & {
  readonly id?: string;
  readonly role?: Role;
};

/** Gives a message to append. */
export function newMessage(given: MessageSample = {}): NewMessage {
  const message = {
    id: newUuid(),
    role: "user" as const,
    content: "Hello",
    parts: [],
    metadata: {},
    raw: undefined,
    pinned: false,
    tokenCount: undefined,
    ...given,
  };
  return {
    ...message,
    bytes: measureMessage(message),
    requestHash: hashMessage(message, message.role),
  };
}

/** Gives messages to append, one for each content. */
export function newMessages(contents: readonly string[]): readonly NewMessage[] {
  return contents.map((content) => newMessage({ content }));
}

/** Creates a session of so many messages: 1, 2, 3 and so on. */
export async function createLong(storage: Storage, length: number): Promise<SessionRef> {
  const ref = await createSession(storage);
  const contents = Array.from({ length }, (_, index) => `${index + 1}`);
  await storage.messages.append(ref, appendOf(...newMessages(contents)));
  return ref;
}

/** What may be given of a state. */
export interface StateSample {
  readonly id?: string;
  readonly key?: string;
  readonly payload?: StatePayload | undefined;
  readonly expectedVersion?: number;
}

/** Gives a state to put. */
export function newState(given: StateSample = {}): NewAgentState {
  const { id = newUuid(), key = "", expectedVersion } = given;
  const payload = given.payload ?? { json: "{}", mediaType: "" };
  const bytes = payload.data?.length ?? Buffer.byteLength(payload.json ?? "");
  return { id, key, payload, bytes, expectedVersion, requestHash: hashState(key, payload) };
}

/** How long writers hold their leases where a test does not wait for their end. */
export const LONG_LEASE_MS = 60_000;

/** What may be given of a message to begin to write. */
export type WriteSample = Partial<NewWrite> & { readonly header?: MessageSample };

/** Gives a message to begin to write, by a writer of its own where none is given. */
export function newWrite({ header, ...given }: WriteSample = {}): NewWrite {
  return {
    message: newMessage({ role: "assistant", content: "", ...header }),
    writerId: newUuid(),
    leaseMs: LONG_LEASE_MS,
    expectedHeadSequence: undefined,
    ...given,
  };
}

/** A message that is being written. */
export interface OpenWrite {
  readonly ref: WriteRef;
  readonly write: NewWrite;
  readonly started: StartedWrite;
}

/** Begins to write a message, or goes on with one. */
export async function startWrite(
  storage: Storage,
  session: SessionRef,
  given: WriteSample = {},
): Promise<OpenWrite> {
  const write = newWrite(given);
  const started = await storage.writes.start(session, write);
  const { id: messageId, sequence } = started.message;
  if (started.epoch === undefined) throw new Error("the message is finished");
  return { ref: { ...session, messageId, sequence, epoch: started.epoch }, write, started };
}

/** Gives text to add to a message. */
export function textOf(text: string): WrittenText {
  return { text, parts: [] };
}

/** Gives the end of a message, complete where nothing else is given. */
export function endOf(given: Partial<WriteEnd> = {}): WriteEnd {
  return {
    text: "",
    parts: [],
    status: "complete",
    allParts: undefined,
    tokenCount: undefined,
    apiCall: undefined,
    ...given,
  };
}

/** Gives an append of messages alone, whatever the head is. */
export function appendOf(...messages: readonly NewMessage[]): Append {
  return { messages, agentStates: [], apiCalls: [], expectedHeadSequence: undefined };
}

/** What may be given of a call to a model. */
export type ApiCallSample = Partial<ApiCallContent> & {
  readonly id?: string;
  readonly createdAt?: Date;
};

/** Gives a call to record: a success of which nothing is known, where nothing else is given. */
export function newApiCall({
  id = newUuid(),
  createdAt,
  ...given
}: ApiCallSample = {}): NewApiCall {
  const content: ApiCallContent = {
    sessionId: undefined,
    requestMessageId: undefined,
    responseMessageId: undefined,
    userId: undefined,
    agentId: undefined,
    model: "model",
    status: "success",
    promptTokens: undefined,
    completionTokens: undefined,
    cachedTokens: undefined,
    reasoningTokens: undefined,
    price: undefined,
    latencyMs: undefined,
    timeToFirstTokenMs: undefined,
    error: "",
    ...given,
  };
  const requestHash = hashApiCall(content, createdAt);
  return { ...content, id, createdAt: createdAt ?? new Date(), requestHash };
}
