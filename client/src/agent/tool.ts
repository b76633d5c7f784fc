import type { JsonObject, JsonValue } from "../model/json.js";
import type { ToolCallPart, ToolResultPart } from "../model/part.js";
import type { ModelTool } from "./chat-model.js";
import { storable } from "./storable.js";

/** A tool that the model may call. */
export interface Tool extends ModelTool {
  /**
   * Runs it. What it gives is the model's answer: text, or JSON. What it throws is told to
   * the model as an error, and so is a result that is too large: larger than 8 MiB, or than the
   * server takes. The tools of one step run at the same time. One that chats in the session
   * that it was called in, whose turn waits for it, is refused with `failed_precondition`
   * TURN_WAITS: chat in another session.
   */
  run(
    args: JsonObject,
    options: { readonly signal: AbortSignal },
  ): JsonValue | undefined | Promise<JsonValue | undefined>;
}

/** Runs the tool that a call names. It never throws: what goes wrong is told to the model. */
export async function runTool(
  tools: readonly Tool[],
  call: ToolCallPart,
  signal: AbortSignal,
): Promise<ToolResultPart> {
  const answer = { type: "tool_result", callId: call.id } as const;
  try {
    const tool = tools.find(({ name }) => name === call.name);
    if (tool === undefined) throw new Error(`there is no tool named ${call.name}`);
    const result = await tool.run(toArguments(call.arguments), { signal });
    return { ...answer, text: toText(result), isError: false };
  } catch (error) {
    return { ...answer, text: storable(toMessage(error)), isError: true };
  }
}

function toArguments(value: JsonValue | undefined): JsonObject {
  if (value === undefined) return {};
  if (isObject(value)) return value;
  throw new Error("the arguments are no JSON object that can be kept: call the tool again");
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function toText(result: JsonValue | undefined): string {
  const text = typeof result === "string" ? result : (JSON.stringify(result) ?? "");
  return storable(text);
}

/** What a tool throws may be no error, and even have no text. */
function toMessage(error: unknown): string {
  try {
    return error instanceof Error ? String(error.message) : String(error);
  } catch {
    return "the tool failed with something that has no text";
  }
}
