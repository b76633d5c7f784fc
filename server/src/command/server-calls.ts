import {
  type CallOptions,
  connect,
  type Session,
  type State,
  StateError,
} from "@mofa-state/client";
import { UsageError } from "../domain/usage-error.js";
import { parseUuid } from "../domain/uuid.js";
import { readSetting, type SettingSources } from "../read-settings.js";
import { CONNECTION_SETTINGS } from "./connection-settings.js";
import { isReaderGone, type Output } from "./output.js";

/** What a command that talks to a server writes to, and what ends it early, as its success. */
export interface CommandRun {
  readonly output: Output;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Does the work of a command on a connection to its server, until the signal comes, if there
 * is one, or nobody reads the output.
 *
 * @throws UsageError if a setting cannot be used, or the server finds that an argument is bad.
 * @throws StateError if the server cannot be reached, or the work fails.
 */
export async function withServer(
  sources: SettingSources,
  { output, signal }: CommandRun,
  work: (state: State) => Promise<void>,
): Promise<void> {
  // What cannot be written is reported where it is written.
  output.on("error", () => undefined);
  try {
    const state = await connectAs(sources, signal);
    try {
      await work(state);
    } finally {
      await state.close();
    }
  } catch (error) {
    if (signal?.aborted !== true && !isReaderGone(error)) throw toUsageError(error);
  }
}

/** Finds a session by its id, or by its key, which may look like an id. */
export async function findSession(
  state: State,
  name: string,
  options?: CallOptions,
): Promise<Session> {
  if (parseUuid(name) !== undefined) {
    try {
      return await state.sessions.get(name, options);
    } catch (error) {
      const isUnknown = error instanceof StateError && error.reason === "SESSION_NOT_FOUND";
      if (!isUnknown) throw error;
    }
  }
  return state.sessions.get({ key: name }, options);
}

async function connectAs(sources: SettingSources, signal: AbortSignal | undefined): Promise<State> {
  const address = readSetting(CONNECTION_SETTINGS.address, sources).split(",");
  const token = readSetting(CONNECTION_SETTINGS.token, sources);
  const tenantId = readSetting(CONNECTION_SETTINGS.tenant, sources);
  return connect(address, { token, tenantId, signal });
}

/** What the server or the client finds wrong with a request comes from the arguments here. */
function toUsageError(error: unknown): unknown {
  const isUsage = error instanceof StateError && error.code === "invalid_argument";
  return isUsage ? new UsageError(error.message) : error;
}
