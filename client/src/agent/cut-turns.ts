import type { Message } from "../model/message.js";
import type { ContextWindow } from "./agent-session.js";
import { estimateTokens } from "./estimate-tokens.js";

type Cuttable = Pick<Message, "role" | "content" | "parts" | "tokenCount">;

/**
 * Gives the newest turns that fit, with the system messages. The newest turn is given whole,
 * also if it does not fit; what lies before the first turn is left out.
 */
export function cutTurns<M extends Cuttable>(
  messages: readonly M[],
  { maxTurns = Infinity, maxTokens = Infinity }: ContextWindow,
): readonly M[] {
  const turns = numberTurns(messages);
  const newest = turns.at(-1) ?? 0;
  let oldest = newest;
  let given = pick(messages, turns, oldest);
  while (oldest > 1 && newest - oldest + 1 < maxTurns) {
    const more = pick(messages, turns, oldest - 1);
    if (sumTokens(more) > maxTokens) break;
    oldest -= 1;
    given = more;
  }
  return given;
}

/** Gives how many tokens messages have together. */
export function sumTokens(messages: readonly Cuttable[]): number {
  return messages.reduce((sum, message) => sum + estimateTokens(message), 0);
}

/** Gives the number of each message's turn, from 1; 0 before the first one. */
function numberTurns(messages: readonly Cuttable[]): readonly number[] {
  let turn = 0;
  return messages.map(({ role }) => {
    if (role === "user") turn += 1;
    return turn;
  });
}

function pick<M extends Cuttable>(
  messages: readonly M[],
  turns: readonly number[],
  oldest: number,
): readonly M[] {
  return messages.filter(({ role }, index) => role === "system" || Number(turns[index]) >= oldest);
}
