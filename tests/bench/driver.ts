import { randomBytes } from "node:crypto";
import Database from "better-sqlite3";
import mysql from "mysql2/promise";
import pg from "pg";
import { CONTENT, nextId } from "./payload.js";

/** A database by its plain driver, which is the least that an append or a read can cost. */
export interface Driver {
  /**
   * Stores the next message of a session as the server does: its row and the session's head
   * in one transaction, as durable.
   */
  append(sessionId: string, sequence: number): Promise<void>;

  /** Reads every column of the messages of a session after a sequence, as objects, and counts them. */
  read(sessionId: string, afterSequence: number, limit: number): Promise<number>;

  close(): Promise<void>;
}

const COLUMNS =
  "session_id, sequence, id, role, content, pinned, status, bytes, version, revision, request_hash, created_at, updated_at";

const ADVANCE =
  "UPDATE sessions SET head_sequence = ?, message_count = ?, revision = ?, updated_at = ? WHERE id = ?";

const READ =
  "SELECT * FROM messages WHERE session_id = ? AND sequence > ? ORDER BY sequence LIMIT ?";

/** Runs a statement, with `?` for each parameter, and gives its rows. */
type Run = (sql: string, parameters: readonly unknown[]) => Promise<readonly unknown[]>;

/** Opens a database of the server's by its plain driver. */
export function openDriver(url: string): Promise<Driver> {
  if (url === "memory:") return openSqlite(":memory:");
  if (url.startsWith("sqlite:")) return openSqlite(url.replace("sqlite://", ""));
  return /^postgres(ql)?:/.test(url) ? openPostgres(url) : openMysql(url);
}

async function openSqlite(path: string): Promise<Driver> {
  const database = new Database(path);
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = FULL");
  const statements = new Map<string, Database.Statement<unknown[]>>();
  const run: Run = async (sql, parameters) => {
    const statement = statements.get(sql) ?? database.prepare<unknown[]>(sql);
    statements.set(sql, statement);
    if (statement.reader) return statement.all(...parameters);
    statement.run(...parameters);
    return [];
  };
  const time = () => new Date().toISOString().replace("T", " ").replace("Z", "");
  return toDriver(run, { begin: "BEGIN IMMEDIATE", time, yes: 1, no: 0 }, async () => {
    database.close();
  });
}

async function openPostgres(url: string): Promise<Driver> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const names = new Map<string, { readonly name: string; readonly text: string }>();
  const run: Run = async (sql, values) => {
    let count = 0;
    const text = sql.replaceAll("?", () => `$${++count}`);
    const statement = names.get(sql) ?? { name: `bench_${names.size}`, text };
    names.set(sql, statement);
    return (await client.query({ ...statement, values: [...values] })).rows;
  };
  const time = () => new Date();
  return toDriver(run, { begin: "BEGIN", time, yes: true, no: false }, () => client.end());
}

async function openMysql(url: string): Promise<Driver> {
  const uri = url.replace(/^mariadb:/, "mysql:");
  const connection = await mysql.createConnection({ uri, timezone: "Z" });
  const run: Run = async (sql, parameters) => {
    const isPrepared = parameters.length > 0;
    const [rows] = isPrepared
      ? await connection.execute(sql, parameters as (string | number | Date | Buffer)[])
      : await connection.query(sql);
    return Array.isArray(rows) ? rows : [];
  };
  const time = () => new Date();
  return toDriver(run, { begin: "START TRANSACTION", time, yes: 1, no: 0 }, () => connection.end());
}

/** In what the drivers differ. */
interface Dialect {
  readonly begin: string;
  readonly yes: boolean | number;
  readonly no: boolean | number;
  time(): Date | string;
}

function toDriver(run: Run, dialect: Dialect, close: () => Promise<void>): Driver {
  const places = COLUMNS.replaceAll(/\w+/g, "?");
  const insert = `INSERT INTO messages (${COLUMNS}) VALUES (${places})`;
  const hash = randomBytes(32);
  return {
    async append(sessionId, sequence) {
      const time = dialect.time();
      const content = [nextId(), "user", CONTENT, dialect.no, "complete", 300, 1, sequence + 1];
      await run(dialect.begin, []);
      await run(insert, [sessionId, sequence, ...content, hash, time, time]);
      await run(ADVANCE, [sequence, sequence, sequence + 1, time, sessionId]);
      await run("COMMIT", []);
    },
    async read(sessionId, afterSequence, limit) {
      return (await run(READ, [sessionId, afterSequence, limit])).length;
    },
    close,
  };
}
