import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Exit, runCommand } from "../support/server-process.js";

type Environment = Readonly<Record<string, string>>;

/** Runs the built command in an empty directory, and gives how it ended. */
async function run(args: readonly string[], env: Environment = {}): Promise<Exit> {
  const cwd = await mkdtemp(join(tmpdir(), "mofa-state-command-"));
  onTestFinished(() => rm(cwd, { recursive: true }));
  return runCommand(args, { cwd, env });
}

describe("the command", () => {
  it.each([
    "--help",
    "--version",
    "serve --help",
    "migrate --help",
    "tail --help",
    "sessions --help",
    "sessions fork --help",
    "sessions tree --help",
  ])("succeeds with %s", async (args) => {
    const { code, stdout, stderr } = await run(args.split(" "));

    expect(code).toBe(0);
    expect(stdout).not.toBe("");
    expect(stderr).toBe("");
  });

  it.each<[string, string[], Environment]>([
    ["no command", [], {}],
    ["an unknown command", ["dance"], {}],
    ["an unknown flag", ["serve", "--fast"], {}],
    ["an argument too many", ["serve", "now"], {}],
    ["a number out of bounds", ["serve", "--max-page-size", "0"], {}],
    ["a variable that is wrong", ["serve"], { MOFA_STATE_MIGRATE: "maybe" }],
    ["an address that is none", ["serve", "--listen", "nowhere"], {}],
    ["a database of an unknown kind", ["serve", "--database", "oracle://x"], {}],
    ["no session to show", ["tail"], {}],
    ["a count that is none", ["tail", "support-42", "--last", "-1"], {}],
    ["no command of sessions", ["sessions"], {}],
    ["no session to fork", ["sessions", "fork"], {}],
    ["a fork at no sequence", ["sessions", "fork", "support-42", "--at", "-1"], {}],
    ["a fork with an empty key", ["sessions", "fork", "support-42", "--key", ""], {}],
    ["an empty address", ["tail", "support-42", "--address", ""], {}],
    ["a token that no header can hold", ["tail", "support-42"], { MOFA_STATE_TOKEN: "a\nb" }],
    ["a database to migrate of an unknown kind", ["migrate", "--database", "oracle://x"], {}],
  ])("exits with 2 for %s", async (_, args, env) => {
    const { code, stdout, stderr } = await run(args, env);

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
