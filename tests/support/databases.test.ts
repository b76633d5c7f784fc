import { existsSync } from "node:fs";
import Database from "better-sqlite3";
import mysql from "mysql2/promise";
import pg from "pg";
import { expect, it } from "vitest";
import { describeDatabases, type TestDatabase } from "./databases.js";
import { startPrivateDatabase } from "./private-database.js";

/** Asks a database for 1 by its plain driver. */
async function selectOne(kind: TestDatabase["kind"], url: string): Promise<unknown> {
  if (kind === "memory" || kind === "sqlite") {
    const database = new Database(kind === "memory" ? ":memory:" : url.replace("sqlite://", ""));
    const row = database.prepare("SELECT 1 AS one").get();
    database.close();
    return row;
  }
  if (kind === "postgres") {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const { rows } = await client.query("SELECT 1 AS one");
    await client.end();
    return rows[0];
  }
  const connection = await mysql.createConnection(url.replace(/^mariadb:/, "mysql:"));
  const [rows] = await connection.query<mysql.RowDataPacket[]>("SELECT 1 AS one");
  await connection.end();
  return { ...rows[0] };
}

describeDatabases("a test database", (database) => {
  let previous = "";

  it("answers", async () => {
    previous = await database.create();

    expect(await selectOne(database.kind, previous)).toEqual({ one: 1 });
  });

  it("is another one for each test, and goes with it", async () => {
    const url = await database.create();

    if (database.kind === "memory") return;
    expect(url).not.toBe(previous);
    if (database.kind === "sqlite")
      expect(existsSync(previous.replace("sqlite://", ""))).toBe(false);
    else await expect(selectOne(database.kind, previous)).rejects.toThrow();
  });

  if (database.kind !== "postgres" && database.kind !== "mariadb") return;
  const { kind } = database;

  it("comes back with its server", async () => {
    const { url, server } = await startPrivateDatabase(kind);

    await server.kill();
    await expect(selectOne(kind, url)).rejects.toThrow();
    await server.start();

    expect(await selectOne(kind, url)).toEqual({ one: 1 });
  });
});
