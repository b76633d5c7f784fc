import { randomBytes } from "node:crypto";
import { runSql } from "./run-sql.js";

/** Creates an empty database on the server of a URL, and gives the new database's URL. */
export async function createDatabase(serverUrl: string): Promise<string> {
  const name = `test_${randomBytes(8).toString("hex")}`;
  await runSql(serverUrl, `CREATE DATABASE ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/** Drops the database of a URL that {@link createDatabase} gave, connected or not. */
export async function dropDatabase(url: string): Promise<void> {
  const name = new URL(url).pathname.slice(1);
  const force = isPostgres(url) ? " WITH (FORCE)" : "";
  await runSql(toServerUrl(url), `DROP DATABASE IF EXISTS ${name}${force}`);
}

function toServerUrl(url: string): string {
  const serverUrl = new URL(url);
  serverUrl.pathname = isPostgres(url) ? "/postgres" : "";
  return serverUrl.href;
}

function isPostgres(url: string): boolean {
  return /^postgres(ql)?:/.test(url);
}
