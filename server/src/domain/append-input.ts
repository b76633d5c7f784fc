import { type AgentStateInput, toNewAgentState } from "./agent-states.js";
import { type ApiCallInput, toNewApiCall } from "./api-call-input.js";
import { Checks } from "./checks.js";
import type { Limits } from "./limits.js";
import { type MessageInput, toNewMessage } from "./new-message.js";
import type { Append } from "./storage.js";

const MAX_APPEND_STATES = 100;
const MAX_APPEND_CALLS = 100;

/** An append as a client asks for it. */
export interface AppendInput {
  readonly sessionId: string;
  readonly messages: readonly MessageInput[];
  readonly agentStates: readonly AgentStateInput[];
  readonly apiCalls: readonly ApiCallInput[];
  readonly expectedHeadSequence: number | undefined;
}

/**
 * Checks an append, and gives it with the session that it goes to.
 *
 * @throws StateError `invalid_argument` or `resource_exhausted` unless it is sound.
 */
export function toAppend(
  input: AppendInput,
  limits: Limits,
): { readonly sessionId: string; readonly append: Append } {
  const checks = new Checks();
  checkCounts(checks, input, limits);
  const sessionId = checks.uuid("session_id", input.sessionId);
  const messages = input.messages.map((message, index) =>
    toNewMessage(checks, message, `messages[${index}].`, limits),
  );
  const states = input.agentStates.map((state, index) =>
    toNewAgentState(checks, state, `agent_states[${index}].`, limits),
  );
  const calls = input.apiCalls.map((call, index) =>
    toNewApiCall(checks, { ...call, sessionId: "" }, `api_calls[${index}].`),
  );
  checks.optionalInteger("expected_head_sequence", input.expectedHeadSequence, 0);
  checkUnique(checks, "messages", input.messages);
  checkUnique(checks, "agent_states", input.agentStates);
  checkUnique(checks, "api_calls", input.apiCalls);
  checks.throwIfAny();
  const append = {
    messages: messages.map((make) => make()),
    agentStates: states.map((make) => make()),
    apiCalls: calls.map((make) => make({ sessionId })),
    expectedHeadSequence: input.expectedHeadSequence,
  };
  return { sessionId, append };
}

function checkCounts(checks: Checks, input: AppendInput, { maxAppendMessages }: Limits): void {
  const { messages, agentStates, apiCalls } = input;
  if (messages.length + agentStates.length === 0) {
    checks.add("messages", "is required, or agent_states");
  }
  if (messages.length > maxAppendMessages) {
    checks.tooLarge("messages", `${maxAppendMessages} messages in one append`);
  }
  if (agentStates.length > MAX_APPEND_STATES) {
    checks.tooLarge("agent_states", `${MAX_APPEND_STATES} states in one append`);
  }
  if (apiCalls.length > MAX_APPEND_CALLS) {
    checks.tooLarge("api_calls", `${MAX_APPEND_CALLS} API calls in one append`);
  }
  // What is too much to store is too much to look at.
  if (checks.hasOversized) checks.throwIfAny();
}

function checkUnique(
  checks: Checks,
  field: string,
  items: readonly { readonly id: string }[],
): void {
  const seen = new Set<string>();
  for (const [index, { id }] of items.entries()) {
    const lower = id.toLowerCase();
    if (lower !== "" && seen.has(lower)) {
      checks.add(`${field}[${index}].id`, "must not be the id of another one in the same call");
    }
    seen.add(lower);
  }
}
