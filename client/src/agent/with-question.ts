import type { Context, ContextMessage } from "../model/context.js";
import type { ContextWindow } from "./agent-session.js";
import type { ModelMessage } from "./chat-model.js";
import { cutTurns, sumTokens } from "./cut-turns.js";

/** Tells whether a question fits beside what a context must have, as far as that is known. */
export function hasRoom(
  context: Context | undefined,
  question: ModelMessage,
  { maxTokens = Infinity }: ContextWindow,
): boolean {
  const kept = context?.messages.filter(({ role, pinned }) => role === "system" || pinned) ?? [];
  return sumTokens([...kept, { ...question, tokenCount: undefined }]) <= maxTokens;
}

/**
 * Gives what the server will give once a question is appended to the session that a context
 * was read of, and for which there is room; undefined where that takes more than the context
 * to tell.
 */
export function withQuestion(
  context: Context,
  question: ModelMessage,
  window: ContextWindow,
): readonly ModelMessage[] | undefined {
  const { maxTurns, maxTokens = Infinity } = window;
  const isCut = maxTurns !== undefined || maxTokens !== Infinity;
  const { messages } = context;
  // What a pinned message takes along is known to the server only.
  if (isCut && messages.some(({ pinned }) => pinned)) return undefined;
  const asked = { ...question, tokenCount: undefined };
  const given = cutTurns<ContextMessage | typeof asked>([...messages, asked], window);
  return isPartial(context, maxTokens) ? undefined : given;
}

/** Tells whether the only turn may be without its first steps. */
function isPartial({ messages, isTruncated }: Context, maxTokens: number): boolean {
  const turns = messages.filter(({ role }) => role === "user").length;
  return isTruncated && maxTokens !== Infinity && turns === 1;
}
