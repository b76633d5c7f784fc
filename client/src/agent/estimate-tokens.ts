import type { Message } from "../model/message.js";
import type { Part } from "../model/part.js";

const MESSAGE_TOKENS = 4;
const FILE_TOKENS = 1_000;
const BYTES_PER_TOKEN = 4;

/** Counts a message's tokens as the server does: as they were counted, or by its estimate. */
export function estimateTokens(message: Pick<Message, "content" | "parts" | "tokenCount">): number {
  const { content, parts, tokenCount } = message;
  if (tokenCount !== undefined) return tokenCount;
  const bytes = Buffer.byteLength([content, ...parts.map(textOf)].join(""));
  const files = parts.filter((part) => part.type === "file" && part.data !== undefined);
  return MESSAGE_TOKENS + Math.ceil(bytes / BYTES_PER_TOKEN) + FILE_TOKENS * files.length;
}

function textOf(part: Part): string {
  switch (part.type) {
    case "tool_call":
      return part.name + (part.arguments === undefined ? "" : JSON.stringify(part.arguments));
    case "tool_result":
    case "reasoning":
      return part.text;
    case "file":
      return part.uri ?? "";
    case "data":
      return JSON.stringify(part.data);
  }
}
