import type { OpenAI } from "openai";
import type { FilePart, ToolCallPart } from "../model/part.js";
import type { ModelMessage, ModelTool } from "./chat-model.js";
import { findResult } from "./find-result.js";

type OpenAIMessage = OpenAI.ChatCompletionMessageParam;
type ToolMessage = OpenAI.ChatCompletionToolMessageParam;
type ContentPart = OpenAI.ChatCompletionContentPart;

/** Gives messages as OpenAI takes them: each call's result right behind it. */
export function toOpenAIMessages(messages: readonly ModelMessage[]): OpenAIMessage[] {
  return messages.flatMap((message, index) => {
    if (message.role === "assistant") {
      return [toAssistant(message), ...resultsOf(message, messages, index + 1)];
    }
    if (message.role === "user") return [{ role: "user", content: toContent(message) }];
    return message.role === "system" ? [{ role: "system", content: message.content }] : [];
  });
}

/** Gives a tool as OpenAI takes it. */
export function toOpenAITool(tool: ModelTool): OpenAI.ChatCompletionFunctionTool {
  const { name, description, parameters } = tool;
  return { type: "function", function: { name, description, parameters: { ...parameters } } };
}

function toAssistant(message: ModelMessage): OpenAIMessage {
  const calls = callsOf(message).map(({ id, name, arguments: args = {} }) => {
    const text = typeof args === "string" ? args : JSON.stringify(args);
    return { id, type: "function", function: { name, arguments: text } } as const;
  });
  const { content } = message;
  if (calls.length === 0) return { role: "assistant", content };
  return { role: "assistant", content: content === "" ? null : content, tool_calls: calls };
}

function resultsOf(
  message: ModelMessage,
  messages: readonly ModelMessage[],
  from: number,
): ToolMessage[] {
  return callsOf(message).flatMap(({ id }) => {
    const result = findResult(id, messages, from);
    return result ? [{ role: "tool", tool_call_id: id, content: result.text }] : [];
  });
}

function callsOf({ parts }: ModelMessage): readonly ToolCallPart[] {
  return parts.filter((part) => part.type === "tool_call");
}

function toContent({ content, parts }: ModelMessage): string | ContentPart[] {
  const images = parts.flatMap((part): ContentPart[] => {
    if (part.type !== "file" || !part.mediaType?.startsWith("image/")) return [];
    return [{ type: "image_url", image_url: { url: toUrl(part) } }];
  });
  return images.length === 0 ? content : [{ type: "text", text: content }, ...images];
}

function toUrl({ uri, data = new Uint8Array(), mediaType = "" }: FilePart): string {
  return uri ?? `data:${mediaType};base64,${Buffer.from(data).toString("base64")}`;
}
