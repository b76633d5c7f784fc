import type { JsonValue } from "../model/json.js";
import type { ToolCallPart } from "../model/part.js";
import { newId } from "../uuid.js";
import type { ModelToolCall } from "./chat-model.js";
import { isStorable, storable } from "./storable.js";

const MAX_NAME_BYTES = 255;

/**
 * Gives a call as the store takes it, which comes behind others of the same answer.
 *
 * An id that the store refuses, or that is there already, is replaced. Arguments that are no
 * JSON, or none that the store takes, are kept as text.
 */
export function toToolCallPart(call: ModelToolCall, before: readonly ToolCallPart[]): ToolCallPart {
  const { id, name, arguments: text } = call;
  const isTaken = before.some((other) => other.id === id);
  const isSound = id !== "" && id === storable(id, MAX_NAME_BYTES);
  return {
    type: "tool_call",
    // Some endpoints leave ids out, or give all calls the same.
    id: isSound && !isTaken ? id : `call_${newId()}`,
    name: storable(name, MAX_NAME_BYTES) || "unnamed",
    arguments: toArguments(text),
  };
}

function toArguments(text: string): JsonValue {
  if (text.trim() === "") return {};
  try {
    const value: JsonValue = JSON.parse(text);
    return isStorable(value) ? value : storable(text);
  } catch {
    return storable(text);
  }
}
