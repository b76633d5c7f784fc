import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { SETTINGS } from "../server/src/settings.js";
import { startTestServer } from "./support/test-server.js";

const ROOT = new URL("..", import.meta.url);
const README = readFileSync(new URL("README.md", ROOT), "utf8");

/** The address that the README's code talks to. */
const ADDRESS = /(localhost|127\.0\.0\.1):50051/g;

/** The README's code in a language, one block an item. */
function blocks(language: string): readonly string[] {
  const fences = README.matchAll(/^```(\w*)\n(.*?)^```$/gms);
  return [...fences].flatMap(([, tag, code = ""]) => (tag === language ? [code] : []));
}

async function run(program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { cwd: ROOT, timeout: 30_000 });
  return stdout;
}

describe("the README", () => {
  it.each(blocks("ts"))("has client code that runs: %#", async (code) => {
    const server = await startTestServer({ database: "memory:" });
    const program = code.replaceAll(ADDRESS, server.address);

    const output = await run(process.execPath, ["--input-type=module", "-e", program]);

    expect(output).not.toBe("");
  });

  it("has a line for buf that works as printed", async () => {
    const server = await startTestServer({ database: "memory:" });
    const [command = ""] = blocks("sh").filter((block) => block.includes("buf curl"));

    const output = await run("sh", ["-c", command.replaceAll(ADDRESS, server.address)]);

    expect(JSON.parse(output)).toMatchObject({ session: { key: "support-42" }, created: true });
  });

  it("names commands that package.json has", () => {
    const { scripts } = JSON.parse(readFileSync(new URL("package.json", ROOT), "utf8"));
    const named = [...README.matchAll(/`?npm (?:run )?(start|test|demo|bench)\b/g)];

    for (const [, name = ""] of named) expect(scripts).toHaveProperty(name);
    expect(named.length).toBeGreaterThan(3);
  });

  it("lists every setting with its variable and default", () => {
    for (const { flag, variable, defaultValue, description } of Object.values(SETTINGS)) {
      const row = `| \`${flag}\` | \`${variable}\` | \`${defaultValue}\` | ${description} |`;
      expect(README).toContain(row);
    }
  });

  it("gives each dependency of the packages a reason", () => {
    for (const name of ["server", "client", "proto"]) {
      const file = readFileSync(new URL(`${name}/package.json`, ROOT), "utf8");
      const { dependencies } = JSON.parse(file) as { dependencies: Record<string, string> };
      for (const dependency of Object.keys(dependencies)) {
        if (!dependency.startsWith("@mofa-state/")) expect(README).toContain(`\`${dependency}\``);
      }
    }
  });
});
