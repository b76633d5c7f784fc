import type { ToolResult } from "../model.js";
import type { Unit } from "./steps.js";

/** What a model is told in place of a result: the same text always, so that providers' caches hold. */
const TEXT = "The call was interrupted, and its result is not known.";

/** A message that is not stored: it answers the calls of a step that no result answers. */
export interface StandIn {
  readonly sessionId: string;
  readonly role: "tool";
  readonly content: "";
  readonly parts: readonly ToolResult[];
}

/** Gives the answer to a unit's unanswered calls, if it has any. */
export function toStandIn({
  messages: [{ sessionId }],
  unansweredCalls,
}: Unit): StandIn | undefined {
  if (unansweredCalls.length === 0) return undefined;
  const parts = unansweredCalls.map(
    (callId) => ({ type: "tool_result", callId, text: TEXT, isError: true }) as const,
  );
  return { sessionId, role: "tool", content: "", parts };
}
