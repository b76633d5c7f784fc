import { existsSync } from "node:fs";
import { expect, it } from "vitest";
import { collect } from "../support/collect.js";
import { describeDatabases, type TestDatabase } from "../support/databases.js";
import { runSql, type SqlRow } from "../support/run-sql.js";
import { runCommand, startServerProcess } from "../support/server-process.js";
import { connectForTest, startTestServer } from "../support/test-server.js";

const SCHEMA_MISMATCH = { code: "failed_precondition", reason: "SCHEMA_MISMATCH" };

/** What names the tables of a database, and what tells how they are made. */
const CATALOGUES: Readonly<Record<"sqlite" | "postgres" | "mysql", readonly string[]>> = {
  sqlite: [
    "SELECT name AS name FROM sqlite_master WHERE type = 'table'",
    "SELECT * FROM sqlite_master",
  ],
  postgres: [
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'",
    "SELECT * FROM information_schema.columns WHERE table_schema = 'public'",
    "SELECT * FROM pg_indexes WHERE schemaname = 'public'",
    "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace",
  ],
  mysql: [
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()",
    "SELECT * FROM information_schema.columns WHERE table_schema = DATABASE()",
    "SELECT * FROM information_schema.statistics WHERE table_schema = DATABASE()",
  ],
};

/** Everything that is in a database, schema and rows, by what was asked for it. */
async function dump(kind: TestDatabase["kind"], url: string) {
  const backend = kind === "sqlite" || kind === "postgres" ? kind : "mysql";
  const [tables = "", ...catalogue] = CATALOGUES[backend];
  const names = (await runSql(url, tables)).map(({ name }) => String(name));
  const contents: Record<string, readonly SqlRow[]> = {};
  for (const query of [...catalogue, ...names.map((name) => `SELECT * FROM ${name}`)]) {
    const rows = await runSql(url, query);
    contents[query] = rows.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }
  return contents;
}

/** Starts a server on a database, stores something, and closes it. */
async function fill(url: string): Promise<string> {
  const server = await startTestServer({ database: url });
  const state = await connectForTest(server.address);
  const session = await state.sessions.create({ title: "kept" });
  await session.append({ role: "user", content: "Hello" }, { agentStates: [{ state: [1] }] });
  await server.close();
  return session.id;
}

describeDatabases("the schema", (database) => {
  it("is there after the first start on an empty database", async () => {
    const url = await database.create();

    const server = await startTestServer({ database: url });

    const state = await connectForTest(server.address);
    expect((await state.status()).schemaVersion).toBe(5);
    expect((await state.sessions.create()).info.revision).toBe(1);
    if (database.kind === "sqlite") expect(existsSync(url.replace("sqlite://", ""))).toBe(true);
  });

  if (database.kind === "memory") return;

  it("is left as it is by a second start, with what is in it", async () => {
    const url = await database.create();
    const sessionId = await fill(url);
    const before = await dump(database.kind, url);

    const server = await startTestServer({ database: url, migrate: false });
    const state = await connectForTest(server.address);
    const session = await state.sessions.get(sessionId);
    expect((await collect(session.messages())).map(({ content }) => content)).toEqual(["Hello"]);
    await server.close();
    await (await startTestServer({ database: url })).close();

    expect(Object.keys(before).length).toBeGreaterThan(5);
    expect(await dump(database.kind, url)).toEqual(before);
  });

  it("is finished by the next start where one was cut off, and loses no data", async () => {
    const url = await database.create();
    const sessionId = await fill(url);
    await runSql(url, "DELETE FROM mofa_state_migrations");
    await runSql(url, "DROP TABLE session_metadata");

    const server = await startTestServer({ database: url });

    const state = await connectForTest(server.address);
    const session = await state.sessions.get(sessionId);
    expect((await collect(session.messages())).map(({ content }) => content)).toEqual(["Hello"]);
    await session.update({ metadata: { team: "blue" } });
    expect(await collect(state.sessions.list({ metadata: { team: "blue" } }))).toHaveLength(1);
  });

  it("refuses a server that may not migrate it, in one sentence", async () => {
    const url = await database.create();

    const { code, stderr } = await runCommand(["serve", "--database", url, "--no-migrate"]);

    expect(code).toBe(1);
    expect(stderr).toMatch(/^mofa-state: [^\n]+ run mofa-state migrate[^\n]*\n$/);
    expect(stderr).not.toContain("password");
    const start = startTestServer({ database: url, migrate: false });
    await expect(start).rejects.toMatchObject(SCHEMA_MISMATCH);
  });

  it("refuses a server that is older than it, migrating or not", async () => {
    const url = await database.create();
    const sessionId = await fill(url);
    await runSql(
      url,
      "INSERT INTO mofa_state_migrations (timestamp, name) VALUES (9795305600000, 'Future9795305600000')",
    );
    const before = await dump(database.kind, url);

    const { code, stderr } = await runCommand(["migrate", "--database", url]);

    expect(code).toBe(1);
    expect(stderr).toMatch(/^mofa-state: [^\n]*Future9795305600000[^\n]*\n$/);
    for (const migrate of [true, false]) {
      const start = startTestServer({ database: url, migrate });
      await expect(start).rejects.toMatchObject(SCHEMA_MISMATCH);
    }
    expect(JSON.stringify(before)).toContain(sessionId);
    expect(await dump(database.kind, url)).toEqual(before);
  });

  it("is made by the command migrate, which does nothing the second time", async () => {
    const url = await database.create();

    const first = await runCommand(["migrate", "--database", url]);
    const between = await dump(database.kind, url);
    const second = await runCommand(["migrate", "--database", url]);

    expect([first.code, second.code]).toEqual([0, 0]);
    expect([first.stderr, second.stderr]).toEqual(["", ""]);
    expect(first.stdout).toMatch(/from version 0 to version 5\n$/);
    expect(second.stdout).toMatch(/up to date, at version 5\n$/);
    expect(await dump(database.kind, url)).toEqual(between);
    await startTestServer({ database: url, migrate: false });
  });

  it.each([2, 4])("is made once where %i servers start at the same time", async (count) => {
    const url = await database.create();

    const servers = await Promise.all(Array.from({ length: count }, () => startServerProcess(url)));

    const names = await runSql(url, "SELECT name FROM mofa_state_migrations");
    expect(names).toHaveLength(5);
    const states = await Promise.all(servers.map(({ address }) => connectForTest(address)));
    const sessions = await Promise.all(
      states.map(({ sessions }) => sessions.open({ key: "shared" })),
    );
    expect(new Set(sessions.map(({ id }) => id)).size).toBe(1);
    expect(sessions.filter(({ created }) => created)).toHaveLength(1);
  });
});
