import { create } from "@bufbuild/protobuf";
import {
  type AppendMessagesResponse,
  type ListMessagesResponse,
  MessageSchema,
  type Message as ProtoMessage,
  Role as ProtoRole,
  MessageStatus as ProtoStatus,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type {
  Appended,
  Message,
  MessageChange,
  MessagePage,
  MessageStatus,
  NewMessage,
  RawContent,
  Role,
} from "../model/message.js";
import { toAgentState } from "./agent-state.js";
import { fromPart, toPart } from "./part.js";
import { fromBytes, fromInt64, fromText, fromTimestamp, required } from "./scalar.js";
import { toList, toObject } from "./shape.js";
import { getStruct, setStruct } from "./struct.js";
import { fromWord, invert, toWord } from "./word.js";

const ROLES: Readonly<Record<Role, ProtoRole>> = {
  system: ProtoRole.SYSTEM,
  user: ProtoRole.USER,
  assistant: ProtoRole.ASSISTANT,
  tool: ProtoRole.TOOL,
};

const STATUSES: Readonly<Record<MessageStatus, ProtoStatus>> = {
  complete: ProtoStatus.COMPLETE,
  streaming: ProtoStatus.STREAMING,
  interrupted: ProtoStatus.INTERRUPTED,
};

const ROLE_WORDS = invert(ROLES);
const STATUS_WORDS = invert(STATUSES);

/** Gives a message as plain values. */
export function toMessage(answer: ProtoMessage | undefined): Message {
  const message = required(answer, "the message");
  return {
    id: message.id,
    sessionId: message.sessionId,
    sequence: fromInt64(message.sequence),
    role: toRole(message.role),
    content: message.content,
    parts: message.parts.map(toPart),
    metadata: getStruct(message, MessageSchema.field.metadata),
    raw: message.raw && { data: fromBytes(message.raw.data), mediaType: message.raw.mediaType },
    pinned: message.pinned,
    status: toStatus(message.status),
    tokenCount: message.tokenCount,
    createdAt: fromTimestamp(message.createdAt),
    updatedAt: fromTimestamp(message.updatedAt),
    version: fromInt64(message.version),
    revision: fromInt64(message.revision),
  };
}

/**
 * Gives the role of a message that the server sent.
 *
 * @throws StateError `internal` if it is unknown.
 */
export function toRole(role: ProtoRole): Role {
  return toWord(ROLE_WORDS, role, "role");
}

/**
 * Gives the status of a message that the server sent.
 *
 * @throws StateError `internal` if it is unknown.
 */
export function toStatus(status: ProtoStatus): MessageStatus {
  return toWord(STATUS_WORDS, status, "status");
}

/** Gives a page of messages as plain values. */
export function toMessagePage(response: ListMessagesResponse): MessagePage {
  return {
    messages: response.messages.map(toMessage),
    nextPageToken: fromText(response.nextPageToken),
  };
}

/** Gives what an append stored as plain values. */
export function toAppended(response: AppendMessagesResponse): Appended {
  return {
    messages: response.messages.map(toMessage),
    agentStates: response.agentStates.map(toAgentState),
    ...toPosition(response),
  };
}

/** Gives what a client sets of a message as the API has it; `path` is its field. */
export function fromMessageContent(
  { content = "", parts, metadata, raw, pinned = false, tokenCount }: NewMessage | MessageChange,
  path: string,
): ProtoMessage {
  const message = create(MessageSchema, {
    content,
    parts: toList(parts, `${path}parts`).map((part, index) =>
      fromPart(part, `${path}parts[${index}]`),
    ),
    ...(raw !== undefined && { raw: fromRaw(toObject(raw, `${path}raw`)) }),
    pinned,
    tokenCount,
  });
  return setStruct(message, metadata, { field: MessageSchema.field.metadata, path });
}

/**
 * Gives a role as the API has it; `path` is its field.
 *
 * @throws StateError `invalid_argument` if it is none.
 */
export function fromRole(role: Role, path: string): ProtoRole {
  return fromWord(ROLES, role, path);
}

function fromRaw({ data, mediaType }: RawContent) {
  return { data, mediaType };
}

/** Gives how far a session is, or a reader of it, as plain values. */
export function toPosition(answer: { readonly headSequence: bigint; readonly revision: bigint }) {
  return { headSequence: fromInt64(answer.headSequence), revision: fromInt64(answer.revision) };
}
