import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { TAIL_SETTINGS } from "../server/src/command/tail-settings.js";
import type { Setting } from "../server/src/setting.js";
import { SETTINGS } from "../server/src/settings.js";
import { type Asked, startModelServer } from "./agent/model-server.js";
import type { DatabaseKind } from "./support/database-kinds.js";
import { describeDatabases } from "./support/databases.js";
import { startTestServer } from "./support/test-server.js";

const ROOT = new URL("..", import.meta.url);
const README = readText("README.md");

/** What the code of the guide has, which needs a model and a database of its own. */
const GUIDE = "PostgresStore";

/** Its line that chooses the store, and what else may stand in place of the store's name. */
const STORE_LINE =
  /^const store = await PostgresStore\.connect\(process\.env\.DATABASE_URL .*\);$/m;
const STORES: Readonly<Record<DatabaseKind, string>> = {
  memory: "MemoryStore",
  sqlite: "SqliteStore",
  postgres: "PostgresStore",
  mariadb: "MySqlStore",
  mysql: "MySqlStore",
};

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

async function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { stdout } = await promisify(execFile)(program, args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    timeout: 30_000,
  });
  return stdout;
}

/** Gives the guide's code, on a store of a kind. */
function guideOn(kind: DatabaseKind): string {
  const [code = ""] = blocks(README, "ts").filter((block) => block.includes(GUIDE));
  if (!STORE_LINE.test(code)) throw new Error(`the guide's code lacks ${STORE_LINE}`);
  const url = kind === "memory" ? "" : "process.env.DATABASE_URL";
  return code
    .replace(STORE_LINE, `const store = await PostgresStore.connect(${url});`)
    .replaceAll("PostgresStore", STORES[kind]);
}

/** A model that knows the name once it was told, and counts what it is sent. */
function answerWithName({ messages }: Asked): { readonly texts: readonly string[] } {
  const isTold = messages.some(({ content }) => content?.includes("Ann"));
  return { texts: [isTold ? "Ann" : "Nobody", `, of ${messages.length}`] };
}

describe.each(Object.entries(PRINTED))("the code of %s", (path, lines) => {
  const programs = blocks(readText(path), "ts").filter((code) => !code.includes(GUIDE));

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

describeDatabases("the guide's example", (database) => {
  it("keeps a conversation of its own for each session, from run to run", async () => {
    const { url } = await startModelServer(answerWithName);
    const env = {
      DATABASE_URL: await database.create(),
      OPENAI_API_KEY: "none",
      OPENAI_BASE_URL: url,
    };
    const args = ["--input-type=module", "-e", guideOn(database.kind)];

    const first = await run(process.execPath, args, env);
    const second = await run(process.execPath, args, env);

    const turn = ["user: My name is Ann.", "assistant: Ann, of 2"];
    const nextTurn = ["user: What is my name?", "assistant: Ann, of 4"];
    expect(first.split("\n")).toEqual([
      ...["Ann, of 2", "Ann, of 4", "Nobody, of 2"],
      ...["another matter 2", " 4"],
      ...[...turn, ...nextTurn, ""],
    ]);
    const isKept = database.kind !== "memory";
    expect(second.split("\n").at(0)).toBe(isKept ? "Ann, of 6" : "Ann, of 2");
  });
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
