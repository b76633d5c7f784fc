import { createConnection } from "node:net";
import type { Session } from "@mofa-state/client";
import pg from "pg";
import { expect, it, onTestFinished } from "vitest";
import { collect } from "../support/collect.js";
import { describeDatabases } from "../support/databases.js";
import { startPrivateDatabase } from "../support/private-database.js";
import { runSql } from "../support/run-sql.js";
import { startServerProcess } from "../support/server-process.js";
import { connectForTest } from "../support/test-server.js";
import { freezePostgres } from "./frozen-postgres.js";

/** Far longer than a test may take: what ends earlier has not waited for it. */
const GRACE = ["--shutdown-grace-ms", "600000"];

/** More than the server and a client hold between them: 20 MB. */
async function writeMuch(session: Session): Promise<void> {
  const message = { role: "user", content: "x".repeat(50_000) } as const;
  for (let count = 0; count < 4; count++) {
    await session.append(Array.from({ length: 100 }, () => message));
  }
}

/** Keeps a session from being changed, from outside the server. */
async function lockSession(url: string, sessionId: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  onTestFinished(() => client.end());
  await client.query("BEGIN");
  await client.query("SELECT id FROM sessions WHERE id = $1 FOR UPDATE", [sessionId]);
  return async () => {
    await client.query("COMMIT");
  };
}

/** Waits until a statement of the database waits for a lock. */
async function untilLockIsWaitedFor(url: string): Promise<void> {
  const query =
    "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
  let waiting = 0;
  // PostgreSQL has no event for it: it tells who asks.
  while (waiting === 0) waiting = (await runSql(url, query)).length;
}

/** Waits until nobody listens at an address any more. */
async function untilRefused(address: string): Promise<void> {
  const { hostname, port } = new URL(`http://${address}`);
  for (let isRefused = false; !isRefused; ) {
    isRefused = await new Promise<boolean>((resolve) => {
      const socket = createConnection(Number(port), hostname);
      socket.once("error", () => resolve(true));
      socket.once("connect", () => {
        socket.destroy();
        resolve(false);
      });
    });
  }
}

describeDatabases("a server that is told to end", (database) => {
  it("ends a stream that is read slowly as unavailable, and exits with 0", async () => {
    const server = await startServerProcess(await database.create(), { args: GRACE });
    const state = await connectForTest(server.address, { retry: { maxAttempts: 1 } });
    const session = await state.sessions.create();
    await writeMuch(session);
    const stream = session.messages();
    await stream.next();

    server.kill("SIGTERM");

    await expect(collect(stream)).rejects.toMatchObject({
      code: "unavailable",
      reason: "DRAINING",
    });
    expect((await server.exited).code).toBe(0);
  });
});

describeDatabases(
  "a server whose output nobody reads any more",
  (database) => {
    it("goes on, and exits with 0 when it is told to end", async () => {
      const server = await startServerProcess(await database.create());
      const state = await connectForTest(server.address);
      server.closeOutput();

      await state.sessions.create();
      server.kill("SIGTERM");

      expect((await server.exited).code).toBe(0);
    });
  },
  ["sqlite"],
);

describeDatabases(
  "a server that is told to end in the middle of an append",
  (database) => {
    it("finishes it, takes no other, and exits with 0", async () => {
      const url = await database.create();
      const server = await startServerProcess(url, { args: GRACE });
      const state = await connectForTest(server.address, { retry: { maxAttempts: 1 } });
      const session = await state.sessions.create();
      const unlock = await lockSession(url, session.id);
      const underWay = session.append({ role: "user", content: "under way" });
      await untilLockIsWaitedFor(url);

      server.kill("SIGTERM");
      await untilRefused(server.address);
      await unlock();

      expect((await underWay).headSequence).toBe(1);
      expect((await server.exited).code).toBe(0);
      const rows = await runSql(url, "SELECT content FROM messages");
      expect(rows).toEqual([{ content: "under way" }]);
    });
  },
  ["postgres"],
);

describeDatabases("a server that is told to end while its database stands still", () => {
  it("ends once its grace period is over", async () => {
    const { url } = await startPrivateDatabase("postgres");
    const graceMs = 1_000;
    const args = ["--shutdown-grace-ms", String(graceMs)];
    const server = await startServerProcess(url, { args });
    const state = await connectForTest(server.address, { retry: { maxAttempts: 1 } });
    const session = await state.sessions.create();
    await freezePostgres(url);
    // Once its deadline is over, its statement has long been sent and is not answered.
    const stuck = session.append({ role: "user" }, { timeoutMs: 500 });
    await expect(stuck).rejects.toMatchObject({ code: "deadline_exceeded" });

    const asked = performance.now();
    server.kill("SIGTERM");

    expect((await server.exited).code).toBeOneOf([0, 1]);
    expect(performance.now() - asked).toBeLessThan(graceMs + 3_000);
  });
}, ["postgres"]);
