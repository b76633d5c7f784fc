import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Exit, runCommand, startServerProcess } from "../support/server-process.js";
import { connectForTest } from "../support/test-server.js";

async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "mofa-state-startup-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Listens on a port that nobody else can have meanwhile. */
async function takePort(): Promise<number> {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  onTestFinished(() => void listener.close());
  const address = listener.address();
  if (address === null || typeof address === "string") throw new Error("no port was given");
  return address.port;
}

/** Expects that a command failed with one sentence and nothing else. */
function expectFailure({ code, stderr }: Exit, sentence: RegExp): void {
  expect(code).toBe(1);
  expect(stderr).toMatch(/^mofa-state: [^\n]+\n$/);
  expect(stderr).toMatch(sentence);
}

function serve(database: string, listen = "127.0.0.1:0"): Promise<Exit> {
  return runCommand(["serve", "--listen", listen, "--database", database]);
}

describe("a server that cannot start", () => {
  it.each(["postgres", "mysql", "mariadb"])(
    "says that its %s database is not there, without the credentials",
    async (scheme) => {
      const outcome = await serve(`${scheme}://somebody:s3cret@127.0.0.1:1/mofa`);

      expectFailure(outcome, /cannot open the database \w+:\/\/127\.0\.0\.1:1\/mofa /);
      expect(outcome.stderr + outcome.stdout).not.toMatch(/s3cret|somebody/);
    },
  );

  it("says that its port is taken", async () => {
    const port = await takePort();

    expectFailure(await serve("memory:", `127.0.0.1:${port}`), /in use/);
  });

  it("says that its file cannot be created", async () => {
    const file = join(await temporaryDirectory(), "file");
    await writeFile(file, "not a directory");

    const outcome = await serve(`sqlite://${join(file, "below", "mofa.db")}`);

    expectFailure(outcome, /cannot open the database sqlite:\/\//);
  });

  it("says that its file is no database, and leaves it as it is", async () => {
    const file = join(await temporaryDirectory(), "mofa.db");
    const text = "not a database, but something that somebody needs";
    await writeFile(file, text);

    expectFailure(await serve(`sqlite://${file}`), /cannot open the database sqlite:\/\//);
    expect(await readFile(file, "utf8")).toBe(text);
  });
});

describe("a server that starts", () => {
  it("takes its settings from variables, and flags before those", async () => {
    const directory = await temporaryDirectory();
    const server = await startServerProcess(`sqlite://${join(directory, "flag.db")}`, {
      cwd: directory,
      env: {
        MOFA_STATE_DATABASE_URL: "sqlite://variable.db",
        MOFA_STATE_MAX_APPEND_MESSAGES: "1",
        MOFA_STATE_LOG_LEVEL: "error",
      },
    });
    const state = await connectForTest(server.address);
    const session = await state.sessions.create();

    const tooMany = session.append([{ role: "user" }, { role: "user" }]);

    await expect(tooMany).rejects.toMatchObject({ name: "StateError" });
    expect(existsSync(join(directory, "flag.db"))).toBe(true);
    expect(existsSync(join(directory, "variable.db"))).toBe(false);
    expect(server.stdout()).toBe("");
  });

  it("replaces the socket of a server that was killed, and removes its own", async () => {
    const path = join(await temporaryDirectory(), "socket");
    const listen = `unix:${path}`;
    const killed = await startServerProcess("memory:", { listen });
    killed.kill("SIGKILL");
    await killed.exited;
    expect(existsSync(path)).toBe(true);

    const server = await startServerProcess("memory:", { listen });
    const state = await connectForTest(server.address);
    expect((await state.status()).backend).toBe("memory");
    expectFailure(await serve("memory:", listen), /in use/);
    server.kill("SIGTERM");

    expect((await server.exited).code).toBe(0);
    expect(existsSync(path)).toBe(false);
  });
});
