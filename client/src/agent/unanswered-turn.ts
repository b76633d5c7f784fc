import type { ContextMessage } from "../model/context.js";
import type { ToolResultPart } from "../model/part.js";

/** A turn that was cut off. */
export interface UnansweredTurn {
  /** What to send to the model; nothing if the last turn is answered. */
  readonly messages: readonly ContextMessage[];
  /** The results of its interrupted calls, which are not stored. */
  readonly interrupted: readonly ToolResultPart[];
  /** The message that it began with. */
  readonly questionId: string | undefined;
}

/**
 * Finds the turn at the end of a context that still needs an answer. Replies that were cut
 * off are not sent to the model, which is to give it anew: many refuse to go on with one.
 */
export function unansweredTurn(context: readonly ContextMessage[]): UnansweredTurn {
  const messages = context.slice(0, context.findLastIndex((message) => !isPartial(message)) + 1);
  const role = messages.at(-1)?.role;
  const isOpen = role === "user" || role === "tool";
  const begin = messages.findLastIndex((message) => message.role === "user");
  const turn = messages.slice(Math.max(0, begin));
  const standIns = turn.filter(({ id, role }) => id === undefined && role === "tool");
  return {
    messages: isOpen ? messages : [],
    interrupted: standIns.flatMap(({ parts }) =>
      parts.filter((part) => part.type === "tool_result"),
    ),
    questionId: messages[begin]?.id,
  };
}

function isPartial({ role, status }: ContextMessage): boolean {
  return role === "assistant" && status === "interrupted";
}
