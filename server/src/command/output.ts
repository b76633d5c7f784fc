import type { Writable } from "node:stream";
import type { SettingSources } from "../read-settings.js";
import { inColour, type Paint, withoutColour } from "./terminal-text.js";

/** Where a command writes: `process.stdout`, or what stands for it. */
export interface Output extends Writable {
  /** Whether it is a terminal. */
  readonly isTTY?: boolean;
}

/** Whether people read an output: a terminal, unless the flag `--json` was given. */
export function isForPeople({ isTTY = false }: Output, { flags }: SettingSources): boolean {
  return isTTY && flags.json !== true;
}

/** Gives how a terminal is painted, see https://no-color.org */
export function toPaint({ environment }: SettingSources): Paint {
  return environment.NO_COLOR ? withoutColour : inColour;
}

/** Writes a text, and returns when it is written. */
export function write(output: Output, text: string): Promise<void> {
  if (text === "") return Promise.resolve();
  return new Promise((resolve, reject) => {
    output.write(text, (error) => (error ? reject(error) : resolve()));
  });
}

/** Whether a write failed because nobody reads what is written. */
export function isReaderGone(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  return code === "EPIPE" || code === "ERR_STREAM_DESTROYED";
}
