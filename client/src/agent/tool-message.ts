import type { NewMessage } from "../model/message.js";
import type { ToolResultPart } from "../model/part.js";
import { newId } from "../uuid.js";

/** A tool's result, as it is stored. */
export type ToolMessage = NewMessage & {
  readonly id: string;
  readonly parts: readonly [ToolResultPart];
};

/** Gives a result a message of its own. */
export function toToolMessage(result: ToolResultPart): ToolMessage {
  return { id: newId(), role: "tool", parts: [result] };
}
