import type { Writable } from "node:stream";
import {
  connect,
  type Session,
  type SessionEvent,
  type State,
  StateError,
} from "@mofa-state/client";
import { UsageError } from "../domain/usage-error.js";
import { parseUuid } from "../domain/uuid.js";
import { readSetting, type SettingSources } from "../read-settings.js";
import { toJsonLine } from "./json-line.js";
import { TAIL_SETTINGS } from "./tail-settings.js";
import { inColour, withoutColour } from "./terminal-text.js";
import { Transcript } from "./transcript.js";

/** Where a command writes: `process.stdout`, or what stands for it. */
export interface Output extends Writable {
  /** Whether it is a terminal. */
  readonly isTTY?: boolean;
}

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
  // What cannot be written is reported where it is written.
  output.on("error", () => undefined);
  try {
    const state = await connectAs(sources, signal);
    try {
      const found = await findSession(state, session, signal);
      await show(found.follow({ last, deltas: true, signal }), renderer, output);
    } finally {
      await state.close();
    }
  } catch (error) {
    if (!signal.aborted && !isReaderGone(error)) throw toUsageError(error);
  }
}

function toRenderer({ isTTY = false }: Output, { flags, environment }: SettingSources): Renderer {
  if (!isTTY || flags.json === true) return JSON_LINES;
  // See https://no-color.org
  return new Transcript(environment.NO_COLOR ? withoutColour : inColour);
}

async function connectAs(sources: SettingSources, signal: AbortSignal): Promise<State> {
  const address = readSetting(TAIL_SETTINGS.address, sources).split(",");
  const token = readSetting(TAIL_SETTINGS.token, sources);
  const tenantId = readSetting(TAIL_SETTINGS.tenant, sources);
  return connect(address, { token, tenantId, signal });
}

/** Finds a session by its id, or by its key, which may look like an id. */
async function findSession(state: State, name: string, signal: AbortSignal): Promise<Session> {
  if (parseUuid(name) !== undefined) {
    try {
      return await state.sessions.get(name, { signal });
    } catch (error) {
      const isUnknown = error instanceof StateError && error.reason === "SESSION_NOT_FOUND";
      if (!isUnknown) throw error;
    }
  }
  return state.sessions.get({ key: name }, { signal });
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

function write(output: Output, text: string): Promise<void> {
  if (text === "") return Promise.resolve();
  return new Promise((resolve, reject) => {
    output.write(text, (error) => (error ? reject(error) : resolve()));
  });
}

function isReaderGone(error: unknown): boolean {
  const { code } = error as { readonly code?: unknown };
  return code === "EPIPE" || code === "ERR_STREAM_DESTROYED";
}

/** What the server or the client finds wrong with a request comes from the arguments here. */
function toUsageError(error: unknown): unknown {
  const isUsage = error instanceof StateError && error.code === "invalid_argument";
  return isUsage ? new UsageError(error.message) : error;
}
