import type { SessionEvent } from "@mofa-state/client";
import { readSetting, type SettingSources } from "../read-settings.js";
import { toJsonLine } from "./json-line.js";
import { isForPeople, type Output, toPaint, write } from "./output.js";
import { findSession, withServer } from "./server-calls.js";
import { TAIL_SETTINGS } from "./tail-settings.js";
import { Transcript } from "./transcript.js";

/** Turns events into what is written. */
interface Renderer {
  apply(event: SessionEvent): string;
  /** Gives what is still to be written when no more events come. */
  end(): string;
}

const JSON_LINES: Renderer = { apply: toJsonLine, end: () => "" };

/**
 * Shows a session as it happens, until the signal comes or nobody reads the output: as a
 * conversation in a terminal, and as JSON lines elsewhere or with the flag `--json`.
 *
 * @throws UsageError if a setting cannot be used.
 * @throws StateError if the server cannot be reached, the session is not there, or was deleted.
 */
export async function tail(
  session: string,
  sources: SettingSources,
  { output, signal }: { readonly output: Output; readonly signal: AbortSignal },
): Promise<void> {
  const last = readSetting(TAIL_SETTINGS.last, sources);
  const renderer = toRenderer(output, sources);
  await withServer(sources, { output, signal }, async (state) => {
    const found = await findSession(state, session, { signal });
    await show(found.follow({ last, deltas: true, signal }), renderer, output);
  });
}

function toRenderer(output: Output, sources: SettingSources): Renderer {
  return isForPeople(output, sources) ? new Transcript(toPaint(sources)) : JSON_LINES;
}

async function show(
  events: AsyncIterable<SessionEvent>,
  renderer: Renderer,
  output: Output,
): Promise<void> {
  try {
    for await (const event of events) await write(output, renderer.apply(event));
  } finally {
    await write(output, renderer.end());
  }
}
