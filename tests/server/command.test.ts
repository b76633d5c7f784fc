import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";

const COMMAND = fileURLToPath(new URL("../../server/dist/main.js", import.meta.url));

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built command in an empty directory, and gives how it ended. */
async function run(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const cwd = await mkdtemp(join(tmpdir(), "mofa-state-command-"));
  onTestFinished(() => rm(cwd, { recursive: true }));
  const child = spawn(process.execPath, [COMMAND, ...args], {
    cwd,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = new Promise<number | null>((resolve) => {
    child.once("exit", resolve);
  });
  const [code, stdout, stderr] = await Promise.all([
    exited,
    text(child.stdout),
    text(child.stderr),
  ]);
  return { code, stdout, stderr };
}

describe("the command", () => {
  it.each(["--help", "--version", "serve --help", "migrate --help"])(
    "succeeds with %s",
    async (args) => {
      const { code, stdout, stderr } = await run(args.split(" "));

      expect(code).toBe(0);
      expect(stdout).not.toBe("");
      expect(stderr).toBe("");
    },
  );

  it.each<[string, string[], NodeJS.ProcessEnv]>([
    ["no command", [], {}],
    ["an unknown command", ["dance"], {}],
    ["an unknown flag", ["serve", "--fast"], {}],
    ["an argument too many", ["serve", "now"], {}],
    ["a number out of bounds", ["serve", "--max-page-size", "0"], {}],
    ["a variable that is wrong", ["serve"], { MOFA_STATE_MIGRATE: "maybe" }],
    ["an address that is none", ["serve", "--listen", "nowhere"], {}],
    ["a database of an unknown kind", ["serve", "--database", "oracle://x"], {}],
    ["a database to migrate of an unknown kind", ["migrate", "--database", "oracle://x"], {}],
  ])("exits with 2 for %s", async (_, args, environment) => {
    const { code, stdout, stderr } = await run(args, environment);

    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it("says in one sentence that an address cannot be had, and exits with 1", async () => {
    const args = ["serve", "--database", "memory:", "--listen", "unix:none/socket"];

    const { code, stderr } = await run(args);

    expect(code).toBe(1);
    expect(stderr).toMatch(/^mofa-state: cannot listen on unix:none\/socket: [^\n]+\n$/);
  });

  it("migrates a database, and says so", async () => {
    const { code, stdout } = await run(["migrate", "--database", "sqlite://m.db"]);

    expect(code).toBe(0);
    expect(stdout).toMatch(/^brought the schema from version 0 to version \d+\n$/);
  });
});
