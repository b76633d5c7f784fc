import type { NewMessage } from "../model/message.js";
import type { ToolResultPart } from "../model/part.js";
import type { ModelMessage } from "./chat-model.js";
import { isOversized, MAX_CONTEXT_BYTES } from "./refusals.js";
import type { ToolMessage } from "./tool-message.js";

type Append = (messages: readonly NewMessage[]) => Promise<unknown>;

/** What a context keeps for an answer beside what its turn has so far, in bytes. */
const HEADROOM_BYTES = 256 * 1024;

/** How much a message takes beside its content and its parts, in bytes: more than it does. */
const MESSAGE_BYTES = 512;

/**
 * Gives how many bytes of results a context has room for beside the messages that it has, and
 * what the model said to them: its calls too.
 */
export function roomBeside(messages: readonly ModelMessage[]): number {
  const bytes = messages.reduce((sum, message) => sum + weigh(message), HEADROOM_BYTES);
  return MAX_CONTEXT_BYTES - bytes;
}

function weigh({ content, parts }: ModelMessage): number {
  return Buffer.byteLength(content) + Buffer.byteLength(JSON.stringify(parts)) + MESSAGE_BYTES;
}

/**
 * Appends tools' results: together, or each by itself where they are too large together. One
 * that is too large by itself, or for the room that there is in bytes, has an error appended in
 * its place, which the model can go on from.
 */
export async function appendResults(
  results: readonly ToolMessage[],
  room: number,
  append: Append,
): Promise<void> {
  const sendable = toSendable(results, room);
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

/** Results that no context has room for would end this turn, and the next ones: the largest are refused. */
function toSendable(results: readonly ToolMessage[], room: number): readonly ToolMessage[] {
  const sendable = [...results];
  let bytes = results.reduce((sum, result) => sum + MESSAGE_BYTES + sizeOf(result), 0);
  const largestFirst = [...results.entries()].sort(([, a], [, b]) => sizeOf(b) - sizeOf(a));
  for (const [index, result] of largestFirst) {
    if (bytes <= room) break;
    const why = `a model is sent ${MAX_CONTEXT_BYTES} at most, with all else of the conversation`;
    const refusal = toRefusal(result, why);
    bytes += sizeOf(refusal) - sizeOf(result);
    sendable[index] = refusal;
  }
  return sendable;
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
