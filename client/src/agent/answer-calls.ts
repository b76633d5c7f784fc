import type { Message } from "../model/message.js";
import type { ToolResultPart } from "../model/part.js";
import { findResult } from "./find-result.js";

const INTERRUPTED = "The call was interrupted: there is no result.";

/** Puts a result behind each step whose calls have none. */
export function answerCalls(messages: readonly Message[]): readonly Message[] {
  return messages.flatMap((message, index) => {
    const calls = message.parts.filter((part) => part.type === "tool_call");
    const open = calls.filter(({ id }) => !findResult(id, messages, index + 1));
    if (open.length === 0) return [message];
    return [message, { ...message, role: "tool", content: "", parts: open.map(toStandIn) }];
  });
}

function toStandIn({ id }: { readonly id: string }): ToolResultPart {
  return { type: "tool_result", callId: id, text: INTERRUPTED, isError: true };
}
