import { expect, it } from "vitest";
import { describeDatabases } from "../support/databases.js";
import { type ServerProcess, startServerProcess } from "../support/server-process.js";
import { connectForTest } from "../support/test-server.js";
import { startRun } from "./follow-run.js";

const KILLS = 3;
const ROUNDS = 2;

/** Short, so that what a killed server left is soon interrupted where nobody comes back. */
const ARGS = ["--write-lease-ms", "2000", "--write-checkpoint-ms", "20"];

/** Ends a server by a signal, and starts one on the same database in its place. */
async function replace(
  server: ServerProcess,
  url: string,
  signal: "SIGKILL" | "SIGTERM",
): Promise<ServerProcess> {
  server.kill(signal);
  const { code } = await server.exited;
  expect(code).toBe(signal === "SIGTERM" ? 0 : undefined);
  return startServerProcess(url, { listen: server.address, args: ARGS });
}

describeDatabases(
  "those who follow and write on a server that is killed again and again",
  (database) => {
    it("go on by themselves, and miss nothing", { timeout: 120_000 }, async () => {
      const url = await database.create();
      let server = await startServerProcess(url, { args: ARGS });
      const run = await startRun(await connectForTest(server.address));

      for (let kill = 0; kill < KILLS; kill++) {
        server = await replace(server, url, "SIGKILL");
        await run.goOn();
      }

      await run.check();
    });
  },
  ["sqlite", "postgres"],
);

describeDatabases(
  "those who follow and write on two servers",
  (database) => {
    it.each([
      ["that are killed in turn", "SIGKILL"],
      ["that are replaced in turn", "SIGTERM"],
    ] as const)(
      "%s go on by themselves, and miss nothing",
      { timeout: 120_000 },
      async (_, signal) => {
        const url = await database.create();
        const servers = [
          await startServerProcess(url, { args: ARGS }),
          await startServerProcess(url, { args: ARGS }),
        ];
        const addresses = servers.map(({ address }) => address);
        const state = await connectForTest(addresses);
        const other = await connectForTest(addresses.toReversed());
        const run = await startRun(state, [state, other]);

        for (let round = 0; round < ROUNDS; round++) {
          for (const [index, server] of servers.entries()) {
            servers[index] = await replace(server, url, signal);
            await run.goOn();
          }
        }

        await run.check();
      },
    );
  },
  ["postgres", "mariadb", "mysql"],
);
