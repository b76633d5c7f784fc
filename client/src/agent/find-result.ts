import type { ToolResultPart } from "../model/part.js";
import type { ModelMessage } from "./chat-model.js";

/**
 * Finds the result of a call in the messages behind it. Ids are unique within one answer only:
 * what comes behind another call with the same one is that one's.
 */
export function findResult(
  id: string,
  later: Iterable<Pick<ModelMessage, "parts">>,
): ToolResultPart | undefined {
  for (const { parts } of later) {
    for (const part of parts) {
      if (part.type === "tool_result" && part.callId === id) return part;
      if (part.type === "tool_call" && part.id === id) return undefined;
    }
  }
  return undefined;
}
