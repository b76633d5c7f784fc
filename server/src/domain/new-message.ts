import type { Checks } from "./checks.js";
import { type Limits, MAX_MEDIA_TYPE_BYTES } from "./limits.js";
import { measureMetadata } from "./metadata-size.js";
import type { File, JsonObject, MessageContent, Part, RawContent, Role } from "./model.js";
import { hashMessage } from "./request-hash.js";
import type { NewMessage } from "./storage.js";
import { newUuid } from "./uuid.js";

/** How many parts a message has at the most. */
export const MAX_PARTS = 1_000;

const MAX_NAME_BYTES = 255;
const MAX_FILE_NAME_BYTES = 1_024;
const MAX_URI_BYTES = 8_192;

/** What every stored message takes beside what the client sets, roughly, in bytes. */
const MESSAGE_OVERHEAD_BYTES = 160;

/** What a client sets of a message. */
export interface MessageInput {
  /** Empty is none. */
  readonly id: string;
  /** Undefined if it is none of the roles. */
  readonly role: Role | undefined;
  readonly content: string;
  /** Undefined for a part that is none of the kinds. */
  readonly parts: readonly (Part | undefined)[];
  readonly metadata: JsonObject;
  readonly raw: RawContent | undefined;
  readonly pinned: boolean;
  readonly tokenCount: number | undefined;
}

/**
 * Checks a message at `path` of a request (ending with a dot), and gives what makes
 * it, once everything has been found sound.
 */
export function toNewMessage(
  checks: Checks,
  input: MessageInput,
  path: string,
  limits: Limits,
): () => NewMessage {
  const id = checks.optionalUuid(`${path}id`, input.id);
  const { role } = input;
  if (role === undefined) checks.add(`${path}role`, "must be system, user, assistant or tool");
  const content = toMessageContent(checks, input, path, limits);
  return () => {
    const known = role ?? "user";
    // Written out, since spreading is slow and this is done for every message.
    return {
      id: id ?? newUuid(),
      role: known,
      content: content.content,
      parts: content.parts,
      metadata: content.metadata,
      raw: content.raw,
      pinned: content.pinned,
      tokenCount: content.tokenCount,
      bytes: measureMessage(content),
      requestHash: hashMessage(content, known),
    };
  };
}

/** Checks what may be edited of a message at `path` of a request. */
export function toMessageContent(
  checks: Checks,
  input: Omit<MessageInput, "id" | "role">,
  path: string,
  limits: Limits,
): MessageContent {
  checks.metadata(`${path}metadata`, input.metadata, limits.maxMetadataBytes);
  checks.text(`${path}raw.media_type`, input.raw?.mediaType ?? "", MAX_MEDIA_TYPE_BYTES);
  return {
    content: checks.text(`${path}content`, input.content),
    parts: toParts(checks, input.parts, `${path}parts`),
    metadata: input.metadata,
    raw: input.raw,
    pinned: input.pinned,
    tokenCount: checks.optionalInteger(`${path}token_count`, input.tokenCount, 0),
  };
}

/** Checks all parts of a message, and gives those that are of a kind. */
export function toParts(
  checks: Checks,
  parts: readonly (Part | undefined)[],
  field: string,
): readonly Part[] {
  if (parts.length > MAX_PARTS) checks.tooLarge(field, `${MAX_PARTS} parts`);
  return parts
    .slice(0, MAX_PARTS)
    .flatMap((part, index) => toPart(checks, part, `${field}[${index}]`) ?? []);
}

/** Checks one part, and gives it if it is of a kind. */
export function toPart(checks: Checks, part: Part | undefined, field: string): Part | undefined {
  if (part === undefined) checks.add(field, "must have one of its fields");
  else checkPart(checks, part, field);
  return part;
}

/** Measures about how many bytes a message takes in memory and on the wire. */
export function measureMessage(message: MessageContent): number {
  const parts = message.parts.reduce((sum, part) => sum + measurePart(part), 0);
  return (
    MESSAGE_OVERHEAD_BYTES +
    Buffer.byteLength(message.content) +
    parts +
    measureMetadata(message.metadata) +
    (message.raw?.data.length ?? 0)
  );
}

/** Measures about how many bytes a part takes in memory and on the wire. */
export function measurePart(part: Part): number {
  return Object.values(part).reduce((sum: number, value: unknown) => {
    if (typeof value === "string") return sum + Buffer.byteLength(value);
    return value instanceof Uint8Array ? sum + value.length : sum;
  }, 16);
}

function checkPart(checks: Checks, part: Part, field: string): void {
  switch (part.type) {
    case "tool_call":
      checks.requiredText(`${field}.tool_call.id`, part.id, MAX_NAME_BYTES);
      checks.requiredText(`${field}.tool_call.name`, part.name, MAX_NAME_BYTES);
      if (part.argumentsJson === "") break;
      checks.json(`${field}.tool_call.arguments_json`, part.argumentsJson);
      break;
    case "tool_result":
      checks.requiredText(`${field}.tool_result.call_id`, part.callId, MAX_NAME_BYTES);
      checks.text(`${field}.tool_result.text`, part.text);
      break;
    case "reasoning":
      checks.text(`${field}.reasoning.text`, part.text);
      checks.text(`${field}.reasoning.signature`, part.signature);
      break;
    case "file":
      checkFile(checks, part, `${field}.file`);
      break;
    case "data":
      checks.json(`${field}.data.json`, part.json);
      break;
  }
}

function checkFile(checks: Checks, file: File, field: string): void {
  checks.text(`${field}.media_type`, file.mediaType, MAX_MEDIA_TYPE_BYTES);
  checks.text(`${field}.name`, file.name, MAX_FILE_NAME_BYTES);
  if (file.uri !== undefined) checks.requiredText(`${field}.uri`, file.uri, MAX_URI_BYTES);
  else if (file.data === undefined) checks.add(field, "must have a uri or data");
}
