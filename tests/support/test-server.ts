import { type ConnectOptions, connect, type State } from "@mofa-state/client";
import { type RunningServer, type ServerOptions, startServer } from "@mofa-state/server";
import { onTestFinished } from "vitest";
import type { TestDatabase } from "./databases.js";

/** Starts a server inside this process, on a free port; it closes when the test ends. */
export async function startTestServer(options: ServerOptions): Promise<RunningServer> {
  const server = await startServer(options);
  onTestFinished(() => server.close());
  return server;
}

/** Connects to a server, or to the servers of a group; the connection closes when the test ends. */
export async function connectForTest(
  address: Parameters<typeof connect>[0],
  options?: ConnectOptions,
): Promise<State> {
  const state = await connect(address, options);
  onTestFinished(() => state.close());
  return state;
}

/** Starts a server on an empty database, and connects to it. */
export async function startTestState(
  database: TestDatabase,
  options: Omit<ServerOptions, "database"> = {},
): Promise<State> {
  const server = await startTestServer({ ...options, database: await database.create() });
  return connectForTest(server.address);
}
