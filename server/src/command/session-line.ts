import type { SessionInfo } from "@mofa-state/client";
import type { SettingSources } from "../read-settings.js";
import { toJsonLine } from "./json-line.js";
import { isForPeople, type Output, toPaint } from "./output.js";
import { type Paint, toOneLine } from "./terminal-text.js";

/** How much of a key or title a line shows, in characters. */
const TEXT_LENGTH = 60;
const INDENT = "  ";

/** Gives the line of a session that lies so deep in a tree. */
export type SessionLine = (info: SessionInfo, depth: number) => string;

/** Gives how sessions are shown: a line for people in a terminal, and JSON elsewhere. */
export function toSessionLine(output: Output, sources: SettingSources): SessionLine {
  if (!isForPeople(output, sources)) return toJsonLine;
  const paint = toPaint(sources);
  return (info, depth) => `${INDENT.repeat(depth)}${describe(info, paint)}\n`;
}

function describe(info: SessionInfo, paint: Paint): string {
  const { id, key, title, forkSessionId, forkSequence, messageCount } = info;
  const name = paint("bold", toOneLine(key ?? id, TEXT_LENGTH));
  const origin = forkSessionId === undefined ? "" : `forked at ${forkSequence}, `;
  const count = `${messageCount} ${messageCount === 1 ? "message" : "messages"}`;
  const note = paint("dim", `(${origin}${count})`);
  const words = [name, toOneLine(title, TEXT_LENGTH), note];
  return words.filter((word) => word !== "").join(" ");
}
