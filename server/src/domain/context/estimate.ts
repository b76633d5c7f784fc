import type { Message, Part } from "../model.js";

/** What every message costs a model beside its text, in tokens. */
const MESSAGE_TOKENS = 4;

/** What a file counts whose bytes are in the message: its size says little of what a model makes of it. */
const FILE_TOKENS = 1_000;

const BYTES_PER_TOKEN = 4;

/** Counts the tokens of a message: as its client counted them, or by an estimate. */
export function countTokens(
  message: Pick<Message, "content" | "parts"> & { readonly tokenCount?: number | undefined },
): number {
  if (message.tokenCount !== undefined) return message.tokenCount;
  const { content, parts } = message;
  const textBytes = parts.reduce(
    (sum, part) => sum + textBytesOf(part),
    Buffer.byteLength(content),
  );
  const files = parts.filter((part) => part.type === "file" && part.data !== undefined);
  return MESSAGE_TOKENS + Math.ceil(textBytes / BYTES_PER_TOKEN) + FILE_TOKENS * files.length;
}

function textBytesOf(part: Part): number {
  switch (part.type) {
    case "tool_call":
      return Buffer.byteLength(part.name) + Buffer.byteLength(part.argumentsJson);
    case "tool_result":
    case "reasoning":
      return Buffer.byteLength(part.text);
    case "file":
      return Buffer.byteLength(part.uri ?? "");
    case "data":
      return Buffer.byteLength(part.json);
  }
}
