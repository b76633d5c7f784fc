import { create } from "@bufbuild/protobuf";
import {
  type AppendMessagesRequest,
  AppendMessagesRequestSchema,
  type ListMessagesRequest,
  ListMessagesRequestSchema,
  Order,
  type UpdateMessageRequest,
  UpdateMessageRequestSchema,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { invalidArgument } from "../errors.js";
import type { NewAgentState } from "../model/agent-state.js";
import type { MessageChange, NewMessage, Role } from "../model/message.js";
import type { AppendedApiCall } from "../model/usage.js";
import { newId } from "../uuid.js";
import { fromNewAgentState } from "./agent-state.js";
import { fromNewApiCall } from "./api-call.js";
import { describe } from "./describe.js";
import { fromMessageContent, fromRole } from "./message.js";
import { toOptionalInt64 } from "./scalar.js";
import { toList, toObject } from "./shape.js";

/** What one append stores, and where. */
export interface Append {
  readonly sessionId: string;
  readonly messages: NewMessage | readonly NewMessage[];
  readonly agentStates: readonly NewAgentState[] | undefined;
  readonly apiCalls: readonly AppendedApiCall[] | undefined;
  readonly expectedHeadSequence: number | undefined;
}

/** Gives an append as its request, with an id for each message, state and API call that has none. */
export function fromAppend(append: Append): AppendMessagesRequest {
  return create(AppendMessagesRequestSchema, {
    sessionId: append.sessionId,
    messages: toList(toMany(append.messages), "messages").map(fromNewMessage),
    agentStates: toList(append.agentStates, "agent_states").map(fromAppendedState),
    apiCalls: toList(append.apiCalls, "api_calls").map((call, index) =>
      fromNewApiCall(call, `api_calls[${index}]`),
    ),
    expectedHeadSequence: toOptionalInt64(append.expectedHeadSequence, "expected_head_sequence"),
  });
}

function toMany(messages: Append["messages"]): readonly NewMessage[] {
  return isMany(messages) ? messages : [messages];
}

function isMany(messages: Append["messages"]): messages is readonly NewMessage[] {
  return Array.isArray(messages);
}

function fromNewMessage(input: NewMessage, index: number) {
  toObject(input, `messages[${index}]`);
  const path = `messages[${index}].`;
  const message = fromMessageContent(input, path);
  message.id = input.id ?? newId();
  message.role = fromRole(input.role, `${path}role`);
  return message;
}

function fromAppendedState(state: NewAgentState, index: number) {
  const place = `agent_states[${index}]`;
  return fromNewAgentState(toObject(state, place), `${place}.`);
}

/** Which message to change, and how. */
export interface Edit {
  readonly sessionId: string;
  readonly messageId: string;
  readonly change: MessageChange;
  readonly expectedVersion: number | undefined;
}

/** The fields that a change may name, and their paths in the mask. */
const MASK_PATHS = [
  ["content", "content"],
  ["parts", "parts"],
  ["metadata", "metadata"],
  ["raw", "raw"],
  ["pinned", "pinned"],
  ["tokenCount", "token_count"],
] as const;

/**
 * Gives an edit as its request, whose mask names what is given and what is cleared.
 *
 * @throws StateError `invalid_argument` if a field is both.
 */
export function fromEdit(edit: Edit): UpdateMessageRequest {
  const message = fromMessageContent(toObject(edit.change, "message"), "message.");
  message.sessionId = edit.sessionId;
  message.id = edit.messageId;
  return create(UpdateMessageRequestSchema, {
    message,
    updateMask: { paths: toPaths(edit.change) },
    expectedVersion: toOptionalInt64(edit.expectedVersion, "expected_version"),
  });
}

function toPaths(change: MessageChange): string[] {
  const cleared: ReadonlySet<string> = new Set(toList(change.clear, "clear"));
  const paths = MASK_PATHS.filter(([field]) => change[field] !== undefined || cleared.has(field));
  for (const [field, path] of paths) {
    if (change[field] === undefined || !cleared.has(field)) continue;
    throw invalidArgument(`message.${path}`, "is given and cleared: do one of the two");
  }
  return paths.map(([, path]) => path);
}

/** Which messages to list, and how. */
export interface Listing {
  readonly sessionId: string;
  readonly pageSize: number | undefined;
  readonly pageToken: string | undefined;
  readonly order: "ascending" | "descending" | undefined;
  readonly roles: readonly Role[] | undefined;
}

/**
 * Gives a listing as its request.
 *
 * @throws StateError `invalid_argument` if a role or the order is none.
 */
export function fromListing(listing: Listing): ListMessagesRequest {
  const { sessionId, pageSize = 0, pageToken = "", order = "ascending" } = listing;
  if (order !== "ascending" && order !== "descending") {
    throw invalidArgument("order", `must be ascending or descending, not ${describe(order)}`);
  }
  const roles = toList(listing.roles, "roles");
  return create(ListMessagesRequestSchema, {
    sessionId,
    pageSize,
    pageToken,
    order: order === "descending" ? Order.DESCENDING : Order.ASCENDING,
    roles: roles.map((role, index) => fromRole(role, `roles[${index}]`)),
  });
}
