import { randomUUID } from "node:crypto";
import type { ConnectOptions, State } from "@mofa-state/client";
import { type RunningServer, type ServerOptions, startServer } from "@mofa-state/server";
import { afterAll, beforeAll } from "vitest";
import type { TestDatabase } from "../support/databases.js";
import { connectForTest } from "../support/test-server.js";

/** A server that the tests of a suite share, each in a tenant of its own. */
export interface SharedServer {
  /** Where it listens. */
  readonly address: string;

  /** Connects for the present test, as a tenant that no other test uses. */
  connect(options?: ConnectOptions): Promise<State>;
}

/** Starts a server on an empty database before the suite's tests, and closes it after them. */
export function shareServer(
  database: TestDatabase,
  options: Omit<ServerOptions, "database"> = {},
): SharedServer {
  let server: RunningServer | undefined;
  const address = (): string => {
    if (server === undefined) throw new Error("the server is there in tests only");
    return server.address;
  };
  beforeAll(async () => {
    server = await startServer({ ...options, database: await database.create() });
  });
  afterAll(() => server?.close());
  return {
    get address() {
      return address();
    },
    connect: (connectOptions) =>
      connectForTest(address(), { tenantId: randomUUID(), ...connectOptions }),
  };
}
