import { hash as digest } from "node:crypto";
import type { ApiCallContent } from "./api-call.js";
import { canonicalJson, parseJson } from "./json.js";
import type {
  JsonObject,
  JsonValue,
  MessageContent,
  Part,
  RawContent,
  Role,
  StatePayload,
} from "./model.js";

/**
 * Hashes what a client set (SHA-256 of canonical JSON), so that a repeated request
 * can be told from another one with the same id.
 *
 * A field that is empty or absent is left out: a field that is added to the API later
 * then leaves the hashes of stored requests as they are.
 */
function hash(fields: JsonObject): Uint8Array {
  const present = Object.entries(fields).filter(([, value]) => !isEmpty(value));
  return sha256(canonicalJson(Object.fromEntries(present)));
}

function sha256(text: string): Uint8Array {
  return digest("sha256", text, "buffer");
}

function isEmpty(value: JsonValue | undefined): boolean {
  if (value === undefined || value === "" || value === false) return true;
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

/** What a client sets of a session. */
export interface SessionFields {
  readonly key: string | undefined;
  readonly userId: string | undefined;
  readonly agentId: string | undefined;
  readonly title: string;
  readonly metadata: JsonObject;
}

/** Hashes what a client set of a session. */
export function hashSession(session: SessionFields): Uint8Array {
  return hash(toHashedSession(session));
}

/** Hashes what a client set of a fork. */
export function hashFork(
  session: SessionFields,
  forkSessionId: string,
  atSequence: number | undefined,
): Uint8Array {
  const forkSequence = atSequence ?? "";
  return hash({ ...toHashedSession(session), forkSessionId, forkSequence });
}

function toHashedSession(session: SessionFields): JsonObject {
  const { key = "", userId = "", agentId = "", title, metadata } = session;
  return { key, userId, agentId, title, metadata };
}

/** Hashes what a client set of a message. */
export function hashMessage(message: MessageContent, role: Role): Uint8Array {
  if (isPlain(message)) return sha256(plainJson(message, role));
  return hash({
    role,
    content: message.content,
    parts: message.parts.map(toHashedPart),
    metadata: message.metadata,
    raw: message.raw === undefined ? "" : toHashedRaw(message.raw),
    pinned: message.pinned,
    tokenCount: message.tokenCount ?? "",
  });
}

function isPlain({ parts, metadata, raw }: MessageContent): boolean {
  return parts.length === 0 && raw === undefined && isEmpty(metadata);
}

/** The same JSON text that {@link hash} would make of a plain message, as most are, in a quarter of the time. */
function plainJson({ content, pinned, tokenCount }: MessageContent, role: Role): string {
  const contentJson = content === "" ? "" : `"content":${JSON.stringify(content)},`;
  const pinnedJson = pinned ? '"pinned":true,' : "";
  const tokenCountJson = tokenCount === undefined ? "" : `,"tokenCount":${tokenCount}`;
  return `{${contentJson}${pinnedJson}"role":"${role}"${tokenCountJson}}`;
}

/** Hashes a part of a message. */
export function hashPart(part: Part): Uint8Array {
  return hash({ part: toHashedPart(part) });
}

/** Hashes what a client set of a state. */
export function hashState(key: string, payload: StatePayload): Uint8Array {
  return payload.json === undefined
    ? hash({ key, data: digestBytes(payload.data), mediaType: payload.mediaType })
    : hash({ key, json: [parseJson(payload.json)] });
}

/** Hashes what a client set of a call to a model; a time that it did not set is undefined. */
export function hashApiCall(call: ApiCallContent, createdAt: Date | undefined): Uint8Array {
  return hash({
    sessionId: call.sessionId ?? "",
    requestMessageId: call.requestMessageId ?? "",
    responseMessageId: call.responseMessageId ?? "",
    userId: call.userId ?? "",
    agentId: call.agentId ?? "",
    model: call.model,
    status: call.status,
    promptTokens: call.promptTokens ?? "",
    completionTokens: call.completionTokens ?? "",
    cachedTokens: call.cachedTokens ?? "",
    reasoningTokens: call.reasoningTokens ?? "",
    price: call.price === undefined ? "" : { ...call.price },
    latencyMs: call.latencyMs ?? "",
    timeToFirstTokenMs: call.timeToFirstTokenMs ?? "",
    error: call.error,
    createdAt: createdAt?.getTime() ?? "",
  });
}

function toHashedRaw(raw: RawContent): JsonObject {
  return { data: digestBytes(raw.data), mediaType: raw.mediaType };
}

function toHashedPart(part: Part): JsonObject {
  switch (part.type) {
    case "tool_call":
      return { ...part, argumentsJson: part.argumentsJson && [parseJson(part.argumentsJson)] };
    case "file":
      return { ...part, uri: part.uri ?? "", data: part.data ? digestBytes(part.data) : "" };
    case "data":
      return { ...part, json: parseJson(part.json) };
    default:
      return { ...part };
  }
}

function digestBytes(data: Uint8Array): string {
  return digest("sha256", data, "base64");
}
