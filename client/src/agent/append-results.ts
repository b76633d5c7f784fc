import type { NewMessage } from "../model/message.js";
import type { ToolResultPart } from "../model/part.js";
import { isOversized, MAX_CONTEXT_BYTES } from "./refusals.js";
import type { ToolMessage } from "./tool-message.js";

type Append = (messages: readonly NewMessage[]) => Promise<unknown>;

/**
 * Appends tools' results: together, or each by itself where they are too large together. One
 * that is too large by itself has an error appended in its place, which the model can go on from.
 */
export async function appendResults(
  results: readonly ToolMessage[],
  append: Append,
): Promise<void> {
  const sendable = results.map(toSendable);
  try {
    await append(sendable);
  } catch (error) {
    if (!isOversized(error)) throw error;
    for (const result of sendable) await appendOne(result, append);
  }
}

async function appendOne(result: ToolMessage, append: Append): Promise<void> {
  try {
    await append([result]);
  } catch (error) {
    if (!isOversized(error)) throw error;
    const { limit } = error.metadata;
    const why =
      limit === undefined ? `the store takes less (${error.message})` : `the store takes ${limit}`;
    await append([toRefusal(result, why)]);
  }
}

/** A result that no context has room for would end this turn, and the next ones. */
function toSendable(result: ToolMessage): ToolMessage {
  const isSendable = sizeOf(result) <= MAX_CONTEXT_BYTES;
  return isSendable ? result : toRefusal(result, `a model is sent ${MAX_CONTEXT_BYTES} at most`);
}

function toRefusal(result: ToolMessage, why: string): ToolMessage {
  const size = `the result has ${sizeOf(result)} bytes`;
  const text = `${size}, and ${why}: call the tool such that it gives less`;
  const part: ToolResultPart = { ...result.parts[0], text, isError: true };
  return { ...result, parts: [part] };
}

function sizeOf({ parts: [{ text }] }: ToolMessage): number {
  return Buffer.byteLength(text);
}
