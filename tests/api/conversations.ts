import type { ContextMessage, NewMessage, Part, Session } from "@mofa-state/client";

/** Gives a call of a tool. */
export function call(id: string): Part {
  return { type: "tool_call", id, name: "look_up" };
}

/** Gives the result of a call. */
export function result(callId: string): Part {
  return { type: "tool_result", callId, text: `found ${callId}` };
}

/**
 * Gives messages by short names: `sys`, `u1`, `a1`; `a1(x,y)` calls the tools x and y, `t(x)`
 * has the result of x; `!` behind a name pins the message.
 */
export function script(text: string): readonly NewMessage[] {
  return text.split(" ").map((name) => {
    const [, letter = "", ids = ""] = /^([a-z])[^(]*(?:\((.*)\))?/.exec(name) ?? [];
    const pinned = name.endsWith("!");
    const content = name.replace("!", "");
    const list = ids === "" ? [] : ids.split(",");
    if (letter === "s") return { role: "system", content, pinned };
    if (letter === "u") return { role: "user", content, pinned };
    if (letter === "a") return { role: "assistant", content, pinned, parts: list.map(call) };
    return { role: "tool", content, pinned, parts: list.map(result) };
  });
}

/** Appends a conversation to a session. */
export async function play(session: Session, text: string): Promise<void> {
  await session.append(script(text));
}

/** Gives messages by their names, and what is not stored as the calls that it answers. */
export function namesOf(messages: readonly ContextMessage[]): string {
  return messages
    .map(({ id, content, parts }) => (id === undefined ? `?(${parts.map(callIdOf)})` : content))
    .join(" ");
}

function callIdOf(part: Part): string {
  return part.type === "tool_result" ? part.callId : "";
}
