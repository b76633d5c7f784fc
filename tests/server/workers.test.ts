import { expect, it, vi } from "vitest";
import { collect } from "../support/collect.js";
import { describeDatabases } from "../support/databases.js";
import { runCommand, type ServerProcess, startServerProcess } from "../support/server-process.js";
import { watch } from "../support/stream-oracle.js";
import { connectForTest } from "../support/test-server.js";

/** No follower learns of anything by looking within a test. */
const NO_POLLING = ["--poll-interval-ms", "60000"];

/** The processes that serve, or have served. */
function workersOf(server: ServerProcess): readonly number[] {
  const lines = server.stdout().split("\n").filter(Boolean);
  const log = lines.map((line) => JSON.parse(line) as { pid: number; msg: string });
  return log
    .filter(({ pid, msg }) => msg === "listening" && pid !== server.pid)
    .map(({ pid }) => pid);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const SHARED = ["postgres", "mariadb", "mysql"] as const;

describeDatabases(
  "a server in workers",
  (database) => {
    async function start(...args: string[]): Promise<ServerProcess> {
      return startServerProcess(await database.create(), { args: ["--workers", "2", ...args] });
    }

    it("serves in as many processes, of which each passes on to the others what happens", async () => {
      const server = await start(...NO_POLLING, "--no-database-notify");
      // Connections go to the workers in turn.
      const [one, other] = [
        await connectForTest(server.address),
        await connectForTest(server.address),
      ];
      const session = await one.sessions.create();
      const oracle = watch(await other.sessions.get(session.id));
      await oracle.caughtUp();

      const { headSequence } = await session.append({ role: "user", content: "hello" });

      await oracle.settled(headSequence);
      expect(new Set(workersOf(server)).size).toBe(2);
    });

    it("replaces a worker that is gone, and serves on", async () => {
      const server = await start();
      const state = await connectForTest(server.address);
      const session = await state.sessions.create();
      const [first = 0, second = 0] = workersOf(server);

      process.kill(first, "SIGKILL");
      await session.append({ role: "user", content: "1" });
      await server.untilWritten("stdout", /another one takes its place/);
      await vi.waitFor(() => expect(workersOf(server)).toHaveLength(3), 20_000);
      process.kill(second, "SIGKILL");
      await session.append({ role: "user", content: "2" });

      const messages = await collect(session.messages());
      expect(messages.map(({ content }) => content)).toEqual(["1", "2"]);
    });

    it("serves where it did when all workers have ended at once", async () => {
      const server = await start();
      const state = await connectForTest(server.address);
      const session = await state.sessions.create();

      const workers = workersOf(server);
      expect(workers).toHaveLength(2);
      for (const worker of workers) process.kill(worker, "SIGKILL");
      await session.append({ role: "user", content: "1" }, { timeoutMs: 20_000 });

      const messages = await collect(session.messages());
      expect(messages.map(({ content }) => content)).toEqual(["1"]);
    });

    it("ends its workers with it", async () => {
      const server = await start();
      const workers = workersOf(server);

      server.kill("SIGTERM");

      await expect(server.exited).resolves.toMatchObject({ code: 0 });
      expect(workers.filter(isAlive)).toEqual([]);
    });

    it("leaves no worker behind when it is killed", async () => {
      const server = await start();

      server.kill("SIGKILL");

      // They write to the same output, which ends with the last of them.
      await expect(server.exited).resolves.toMatchObject({ signal: "SIGKILL" });
    });

    it("says once, in one sentence, why it cannot start", async () => {
      const url = new URL(await database.create());
      url.pathname = "/there_is_no_such_database";

      const exit = await runCommand(["serve", "--workers", "2", "--database", url.href]);

      expect(exit.code).toBe(1);
      expect(exit.stderr).toMatch(/^mofa-state: cannot open the database .*\n$/);
    });
  },
  SHARED,
);

describeDatabases(
  "a server in workers",
  (database) => {
    it("refuses a database that is for one process", async () => {
      const exit = await runCommand([
        "serve",
        "--workers",
        "2",
        "--database",
        await database.create(),
      ]);

      expect(exit.code).toBe(2);
      expect(exit.stderr).toMatch(/^mofa-state: --workers 2: .*\n$/);
    });
  },
  ["memory", "sqlite"],
);
