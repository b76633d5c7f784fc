import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { TAIL_SETTINGS } from "../server/src/command/tail-settings.js";
import type { Setting } from "../server/src/setting.js";
import { SETTINGS } from "../server/src/settings.js";
import { startTestServer } from "./support/test-server.js";

const ROOT = new URL("..", import.meta.url);
const README = readText("README.md");

/** A line that each block of TypeScript prints, README by README. */
const PRINTED: Readonly<Record<string, readonly RegExp[]>> = {
  "README.md": [
    /^1 user Hello$/m,
    /^user Hello$/m,
    /^1 complete Durable while it is written\.$/m,
    /^stored up to 3$/m,
    /^1 messages, 150 tokens, 0\.01 USD$/m,
    /^the session is at 2$/m,
    /^memory$/m,
  ],
  "client/README.md": [
    /^1 user Hello$/m,
    /^2 150 /m,
    /^system You are brief\.$/m,
    /^assistant You said: Hello$/m,
  ],
  "server/README.md": [/^listening on 127\.0\.0\.1:\d+$/m],
  "proto/README.md": [/^mofa\.state\.v1\.SessionService$/m],
};

/** The address that the README's code talks to. */
const ADDRESS = /(localhost|127\.0\.0\.1):50051/g;

function readText(path: string): string {
  return readFileSync(new URL(path, ROOT), "utf8");
}

/** A text's code in a language, one block an item. */
function blocks(text: string, language: string): readonly string[] {
  const fences = text.matchAll(/^```(\w*)\n(.*?)^```$/gms);
  return [...fences].flatMap(([, tag, code = ""]) => (tag === language ? [code] : []));
}

async function run(program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, { cwd: ROOT, timeout: 30_000 });
  return stdout;
}

describe.each(Object.entries(PRINTED))("the code of %s", (path, lines) => {
  const programs = blocks(readText(path), "ts");

  it("is known by what it prints", () => {
    expect(programs).toHaveLength(lines.length);
  });

  it.each(programs.map((code, index) => [lines[index] ?? /$^/, code] as const))(
    "runs, and prints %s",
    async (line, code) => {
      const server = await startTestServer({ database: "memory:" });
      const program = code.replaceAll(ADDRESS, server.address);

      const output = await run(process.execPath, ["--input-type=module", "-e", program]);

      expect(output).toMatch(line);
    },
  );
});

describe("the README", () => {
  it("has a line for buf that works as printed", async () => {
    const server = await startTestServer({ database: "memory:" });
    const [command = ""] = blocks(README, "sh").filter((block) => block.includes("buf curl"));

    const output = await run("sh", ["-c", command.replaceAll(ADDRESS, server.address)]);

    expect(JSON.parse(output)).toMatchObject({ session: { key: "support-42" }, created: true });
  });

  it("names commands that package.json has", () => {
    const { scripts } = JSON.parse(readText("package.json"));
    const named = [...README.matchAll(/`?npm (?:run )?(start|test|demo|bench)\b/g)];

    for (const [, name = ""] of named) expect(scripts).toHaveProperty(name);
    expect(named.length).toBeGreaterThan(3);
  });

  it.each([...Object.values(SETTINGS), ...Object.values(TAIL_SETTINGS)])(
    "lists $flag with its variable and default",
    ({ flag, variable, defaultValue, description }: Setting<unknown>) => {
      const value = defaultValue === undefined ? "" : ` \`${defaultValue}\``;
      expect(README).toContain(`| \`${flag}\` | \`${variable}\` |${value} | ${description} |`);
    },
  );

  it("gives each dependency of the packages a reason", () => {
    for (const name of ["server", "client", "proto"]) {
      const { dependencies } = JSON.parse(readText(`${name}/package.json`)) as {
        dependencies: Record<string, string>;
      };
      for (const dependency of Object.keys(dependencies)) {
        if (!dependency.startsWith("@mofa-state/")) expect(README).toContain(`\`${dependency}\``);
      }
    }
  });
});
