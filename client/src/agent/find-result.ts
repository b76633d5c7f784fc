import type { ToolResultPart } from "../model/part.js";
import type { ModelMessage } from "./chat-model.js";

/**
 * Finds the result of a call in the messages from an index on. Ids are unique within one answer
 * only: what comes behind another call with the same one is that one's.
 */
export function findResult(
  id: string,
  messages: readonly Pick<ModelMessage, "parts">[],
  from: number,
): ToolResultPart | undefined {
  for (let index = from; index < messages.length; index++) {
    for (const part of messages[index]?.parts ?? []) {
      if (part.type === "tool_result" && part.callId === id) return part;
      if (part.type === "tool_call" && part.id === id) return undefined;
    }
  }
  return undefined;
}
