import { StateError } from "../domain/errors.js";
import { parseJson } from "../domain/json.js";
import type {
  JsonObject,
  Message,
  MessageContent,
  MessageStatus,
  Part,
  Role,
} from "../domain/model.js";
import type { NewMessage } from "../domain/storage.js";
import type { MessageRow } from "./entities.js";

/** What a message's content is in its row. */
export type ContentColumns = Pick<
  MessageRow,
  "content" | "parts" | "metadata" | "rawData" | "rawMediaType" | "pinned" | "tokenCount"
>;

/** Where a new message goes. */
export interface MessagePlace {
  readonly sessionId: string;
  readonly sequence: number;
  readonly revision: number;
  readonly time: Date;
}

/** What a deleted message has instead of its content. */
const ERASED: ContentColumns & Pick<MessageRow, "bytes"> = {
  content: "",
  parts: null,
  metadata: null,
  rawData: null,
  rawMediaType: null,
  pinned: false,
  tokenCount: null,
  bytes: 0,
};

/** Gives the row of a new message. */
export function toMessageRow(message: NewMessage, place: MessagePlace): MessageRow {
  const { content, parts, metadata, rawData, rawMediaType, pinned, tokenCount } =
    toContentColumns(message);
  // Written out, since spreading is slow and this is done for every message.
  return {
    sessionId: place.sessionId,
    sequence: place.sequence,
    id: message.id,
    role: message.role,
    content,
    parts,
    metadata,
    rawData,
    rawMediaType,
    pinned,
    status: "complete",
    tokenCount,
    bytes: message.bytes,
    version: 1,
    revision: place.revision,
    requestHash: asBuffer(message.requestHash),
    createdAt: place.time,
    updatedAt: place.time,
    deletedAt: null,
  };
}

/** The same bytes as a Buffer. */
function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** What a deletion writes to the row of a message; its hash goes too, since short text could be guessed from it. */
export function toTombstone({ revision, updatedAt }: Pick<MessageRow, "revision" | "updatedAt">) {
  const requestHash = Buffer.alloc(32);
  return { ...ERASED, requestHash, revision, updatedAt, deletedAt: updatedAt };
}

/** Gives the columns that hold a message's content. */
export function toContentColumns(content: MessageContent): ContentColumns {
  const { parts, metadata, raw } = content;
  return {
    content: content.content,
    parts: parts.length === 0 ? null : JSON.stringify(parts.map(toStoredPart)),
    metadata: Object.keys(metadata).length === 0 ? null : JSON.stringify(metadata),
    rawData: raw === undefined ? null : Buffer.from(raw.data),
    rawMediaType: raw === undefined ? null : raw.mediaType,
    pinned: content.pinned,
    tokenCount: content.tokenCount ?? null,
  };
}

/** Gives the message that a row holds, as one of a session. */
export function fromMessageRow(row: MessageRow, sessionId: string): Message {
  return {
    id: row.id,
    sessionId,
    sequence: row.sequence,
    role: row.role as Role,
    content: row.content,
    parts: fromStoredParts(row.parts),
    metadata: row.metadata === null ? {} : (parseJson(row.metadata) as JsonObject),
    raw:
      row.rawData === null ? undefined : { data: row.rawData, mediaType: row.rawMediaType ?? "" },
    pinned: row.pinned,
    tokenCount: row.tokenCount ?? undefined,
    status: row.status as MessageStatus,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    version: row.version,
    revision: row.revision,
    bytes: row.bytes,
  };
}

/** Gives the parts that a row's column holds. */
export function fromStoredParts(parts: string | null): readonly Part[] {
  return parts === null ? [] : (parseJson(parts) as unknown as StoredPart[]).map(fromStoredPart);
}

/**
 * Gives the row of a message that is there.
 *
 * @throws StateError `not_found` MESSAGE_NOT_FOUND or MESSAGE_DELETED otherwise.
 */
export function requireMessage(
  row: MessageRow | undefined,
  sessionId: string,
  messageId: string,
): MessageRow {
  if (row === undefined) {
    const message = `session ${sessionId} has no message ${messageId}`;
    throw new StateError("not_found", "MESSAGE_NOT_FOUND", message);
  }
  if (row.deletedAt === null) return row;
  throw new StateError("not_found", "MESSAGE_DELETED", `message ${messageId} was deleted`);
}

/** A part as JSON holds it: the bytes of a file in base64. */
type StoredPart =
  | Exclude<Part, { readonly type: "file" }>
  | {
      readonly type: "file";
      readonly uri?: string;
      readonly data?: string;
      readonly mediaType: string;
      readonly name: string;
    };

function toStoredPart(part: Part): StoredPart {
  if (part.type !== "file") return part;
  const { type, uri, data, mediaType, name } = part;
  return {
    type,
    ...(uri !== undefined && { uri }),
    ...(data !== undefined && { data: Buffer.from(data).toString("base64") }),
    mediaType,
    name,
  };
}

function fromStoredPart(part: StoredPart): Part {
  if (part.type !== "file") return part;
  const data = part.data === undefined ? undefined : Buffer.from(part.data, "base64");
  return { ...part, uri: part.uri, data };
}
