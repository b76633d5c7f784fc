import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type MessageSchema,
  Order,
  type PartSchema,
  type Message as ProtoMessage,
  MessageStatus as ProtoMessageStatus,
  type Part as ProtoPart,
  Role as ProtoRole,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { Message, MessageStatus, Part, Role } from "../domain/model.js";
import type { MessageInput } from "../domain/new-message.js";
import type { MessageRange } from "../domain/storage.js";
import { fromStruct, toStruct, toTimestamp } from "./convert.js";

/** The roles as the API has them. */
export const ROLES: Readonly<Record<Role, ProtoRole>> = {
  system: ProtoRole.SYSTEM,
  user: ProtoRole.USER,
  assistant: ProtoRole.ASSISTANT,
  tool: ProtoRole.TOOL,
};

/** How whole messages are, as the API has it. */
export const STATUSES: Readonly<Record<MessageStatus, ProtoMessageStatus>> = {
  complete: ProtoMessageStatus.COMPLETE,
  streaming: ProtoMessageStatus.STREAMING,
  interrupted: ProtoMessageStatus.INTERRUPTED,
};

const ROLE_NAMES = new Map(Object.entries(ROLES).map(([name, role]) => [role, name as Role]));

/** Gives a role, or undefined for a number that is none. */
export function fromProtoRole(role: ProtoRole): Role | undefined {
  return ROLE_NAMES.get(role);
}

/** Gives an order, or undefined for a number that is none. */
export function fromProtoOrder(order: Order): MessageRange["order"] | undefined {
  switch (order) {
    case Order.UNSPECIFIED:
    case Order.ASCENDING:
      return "ascending";
    case Order.DESCENDING:
      return "descending";
    default:
      return undefined;
  }
}

/** Gives what a client sets of a message; output-only fields are left out. */
export function fromProtoMessage(message: ProtoMessage): MessageInput {
  const { raw } = message;
  return {
    id: message.id,
    role: fromProtoRole(message.role),
    content: message.content,
    parts: message.parts.map(fromProtoPart),
    metadata: fromStruct(message.metadata),
    raw: raw && { data: raw.data, mediaType: raw.mediaType },
    pinned: message.pinned,
    tokenCount: message.tokenCount,
  };
}

/** Gives a message as the API has it. */
export function toProtoMessage(message: Message): MessageInitShape<typeof MessageSchema> {
  const { raw, tokenCount } = message;
  return {
    id: message.id,
    sessionId: message.sessionId,
    sequence: BigInt(message.sequence),
    role: ROLES[message.role],
    content: message.content,
    parts: message.parts.map(toProtoPart),
    ...toStruct(message.metadata),
    ...(raw && { raw: { data: raw.data, mediaType: raw.mediaType } }),
    pinned: message.pinned,
    status: STATUSES[message.status],
    ...(tokenCount !== undefined && { tokenCount }),
    createdAt: toTimestamp(message.createdAt),
    updatedAt: toTimestamp(message.updatedAt),
    version: BigInt(message.version),
    revision: BigInt(message.revision),
  };
}

/** Gives a part, or undefined if it is none of the kinds. */
export function fromProtoPart({ part }: ProtoPart): Part | undefined {
  switch (part.case) {
    case "toolCall": {
      const { id, name, argumentsJson } = part.value;
      return { type: "tool_call", id, name, argumentsJson };
    }
    case "toolResult": {
      const { callId, text, isError } = part.value;
      return { type: "tool_result", callId, text, isError };
    }
    case "reasoning":
      return { type: "reasoning", text: part.value.text, signature: part.value.signature };
    case "file": {
      const { content, mediaType, name } = part.value;
      const uri = content.case === "uri" ? content.value : undefined;
      const data = content.case === "data" ? content.value : undefined;
      return { type: "file", uri, data, mediaType, name };
    }
    case "data":
      return { type: "data", json: part.value.json };
    case undefined:
      return undefined;
  }
}

/** Gives a part as the API has it. */
export function toProtoPart(part: Part): MessageInitShape<typeof PartSchema> {
  switch (part.type) {
    case "tool_call": {
      const { id, name, argumentsJson } = part;
      return { part: { case: "toolCall", value: { id, name, argumentsJson } } };
    }
    case "tool_result": {
      const { callId, text, isError } = part;
      return { part: { case: "toolResult", value: { callId, text, isError } } };
    }
    case "reasoning": {
      const { text, signature } = part;
      return { part: { case: "reasoning", value: { text, signature } } };
    }
    case "file": {
      const { uri, data = new Uint8Array(), mediaType, name } = part;
      const content =
        uri === undefined
          ? { case: "data" as const, value: data }
          : { case: "uri" as const, value: uri };
      return { part: { case: "file", value: { content, mediaType, name } } };
    }
    case "data":
      return { part: { case: "data", value: { json: part.json } } };
  }
}
