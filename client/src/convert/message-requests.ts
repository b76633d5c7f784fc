import { create } from "@bufbuild/protobuf";
import {
  type AppendMessagesRequest,
  AppendMessagesRequestSchema,
  type UpdateMessageRequest,
  UpdateMessageRequestSchema,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { invalidArgument } from "../errors.js";
import type { NewAgentState } from "../model/agent-state.js";
import type { MessageChange, NewMessage } from "../model/message.js";
import { newId } from "../uuid.js";
import { fromNewAgentState } from "./agent-state.js";
import { fromMessageContent, fromRole } from "./message.js";
import { toOptionalInt64 } from "./scalar.js";

/** What one append stores, and where. */
export interface Append {
  readonly sessionId: string;
  readonly messages: readonly NewMessage[];
  readonly agentStates: readonly NewAgentState[];
  readonly expectedHeadSequence: number | undefined;
}

/** Gives an append as its request, with an id for each message and state that has none. */
export function fromAppend(append: Append): AppendMessagesRequest {
  return create(AppendMessagesRequestSchema, {
    sessionId: append.sessionId,
    messages: append.messages.map(fromNewMessage),
    agentStates: append.agentStates.map((state, index) =>
      fromNewAgentState(state, `agent_states[${index}].`),
    ),
    expectedHeadSequence: toOptionalInt64(append.expectedHeadSequence, "expected_head_sequence"),
  });
}

function fromNewMessage(input: NewMessage, index: number) {
  const path = `messages[${index}].`;
  const message = fromMessageContent(input, path);
  message.id = input.id ?? newId();
  message.role = fromRole(input.role, `${path}role`);
  return message;
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
  const message = fromMessageContent(edit.change, "message.");
  message.sessionId = edit.sessionId;
  message.id = edit.messageId;
  return create(UpdateMessageRequestSchema, {
    message,
    updateMask: { paths: toPaths(edit.change) },
    expectedVersion: toOptionalInt64(edit.expectedVersion, "expected_version"),
  });
}

function toPaths(change: MessageChange): string[] {
  const cleared: ReadonlySet<string> = new Set(change.clear);
  const paths = MASK_PATHS.filter(([field]) => change[field] !== undefined || cleared.has(field));
  for (const [field, path] of paths) {
    if (change[field] === undefined || !cleared.has(field)) continue;
    throw invalidArgument(`message.${path}`, "is given and cleared: do one of the two");
  }
  return paths.map(([, path]) => path);
}
