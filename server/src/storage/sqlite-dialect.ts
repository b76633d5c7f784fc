import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { StateError } from "../domain/errors.js";
import { UsageError } from "../domain/usage-error.js";
import type { Dialect, QueryResult, Statement } from "./dialect.js";
import { KEPT, PARTIAL_INDEX } from "./partial-index.js";
import { asIs, type RawRow, type RawRows } from "./raw-rows.js";
import { remembered } from "./remembered.js";
import { parseUtc } from "./utc-text.js";

/**
 * How long a statement waits for another process to let go of a SQLite file: not at all,
 * since waiting blocks the whole server. It is tried again later.
 */
const SQLITE_BUSY_TIMEOUT_MS = 0;

const rawRows: RawRows = {
  bigint: asIs,
  boolean: asIs,
  time: asIs,
  bytes: asIs,
  toMs: (value) => parseUtc(String(value)),
  toBytes: (value) => value as Buffer,
  async run(connection, [sql, parameters], take) {
    const statement = statementsOf(connection as SqliteConnection).raw(sql);
    for (const row of statement.all(...parameters)) take(row);
  },
};

/** SQLite in a file, by better-sqlite3. */
export const sqlite: Dialect = {
  backend: "sqlite",
  kinds: {
    uuid: { type: "varchar", sql: "VARCHAR(36)" },
    text: { type: "text", sql: "TEXT" },
    key: { type: "text", sql: "TEXT" },
    word: { type: "varchar", sql: "VARCHAR(20)" },
    time: { type: "datetime", sql: "DATETIME" },
    bytes: { type: "blob", sql: "BLOB" },
    hash: { type: "blob", sql: "BLOB" },
    bigint: { type: "bigint", sql: "BIGINT" },
    integer: { type: "integer", sql: "INTEGER" },
    boolean: { type: "boolean", sql: "BOOLEAN" },
  },
  tableOptions: "",
  singleConnection: true,
  // A transaction that reads before it writes would fail if another process wrote in between.
  begin: "BEGIN IMMEDIATE",
  beginSnapshot: ["BEGIN"],
  forUpdate: "",
  forUpdateOfFree: "",
  // A statement of many rows costs three times as much for each of them.
  rowsPerInsert: 1,
  insertMany: undefined,
  updateMany: undefined,
  appendAtOnce: undefined,
  appendOne: undefined,
  lockKnown: undefined,
  readBy: (table, index) => `${table} INDEXED BY ${index}`,
  utcDay: (column) => `substr(${column}, 1, 10)`,
  nowMs: "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
  extendedContent: "content || ?",
  // Of no bytes there is no part, but NULL.
  contentFrom: "coalesce(substr(CAST(content AS BLOB), ?), x'')",
  kept: {
    index: PARTIAL_INDEX,
    table: "messages INDEXED BY messages_kept",
    conditions: [KEPT],
  },
  rawRows,
  connectionSettings: [
    // better-sqlite3 is built to fall back to NORMAL in WAL mode, which loses commits in a power cut.
    "PRAGMA synchronous = FULL",
    // The same pages are written by commit after commit: the fewer checkpoints, the less often
    // each goes to the database's file too. At 16 MiB (1,000 pages, 4 MiB, are SQLite's default).
    "PRAGMA wal_autocheckpoint = 4000",
  ],
  migrations: {
    lock: "BEGIN EXCLUSIVE",
    unlock: "COMMIT",
    unlockAfterFailure: "ROLLBACK",
    transaction: "none",
  },
  failures: [
    ["unique", /^SQLITE_CONSTRAINT_(UNIQUE|PRIMARYKEY)$/],
    ["conflict", /^SQLITE_(BUSY|LOCKED|PROTOCOL)/],
    ["full", /^SQLITE_FULL$/],
    ["read_only", /^SQLITE_READONLY/],
    ["too_large", /^SQLITE_TOOBIG$/],
    ["unavailable", /^SQLITE_(IOERR|CANTOPEN|NOTADB|CORRUPT|PERM|AUTH|NOMEM)/],
  ],
  lostConnection: /: The database connection is not open$/,
  cautions: [
    {
      sql: "SELECT synchronous AS value FROM pragma_synchronous",
      warn: (value) =>
        value === "2" ? undefined : `SQLite's synchronous is ${value}, not 2 (FULL)`,
    },
  ],

  options(url) {
    const database = url.replace(/^sqlite:\/\//, "");
    if (database === "") {
      throw new UsageError("the database URL sqlite:// names no file: write sqlite://mofa.db");
    }
    const directory = dirname(database);
    if (!existsSync(directory)) throw noDirectory(url, directory);
    return { type: "better-sqlite3", database, enableWAL: true, timeout: SQLITE_BUSY_TIMEOUT_MS };
  },

  locate: (url) => url,

  async run(connection, sql, parameters) {
    return runInSqlite(connection as SqliteConnection, [sql, parameters]);
  },

  async runAll(connection, statements) {
    return statements.map((statement) => runInSqlite(connection as SqliteConnection, statement));
  },

  destroy() {},
};

/** SQLite in memory. */
export const memory: Dialect = {
  ...sqlite,
  backend: "memory",
  cautions: [],
  options: () => ({ type: "better-sqlite3", database: ":memory:" }),
};

/** TypeORM would create the directory, so that a mistyped path became a new, empty database. */
function noDirectory(url: string, directory: string): StateError {
  const message = `cannot open the database ${url}: the directory ${directory} is not there, create it or name another file`;
  return new StateError("failed_precondition", "DATABASE_UNAVAILABLE", message);
}

function runInSqlite(connection: SqliteConnection, [sql, parameters]: Statement): QueryResult {
  const statement = statementsOf(connection).plain(sql);
  return statement.reader
    ? { rows: statement.all(...parameters), affected: 0 }
    : { rows: [], affected: statement.run(...parameters).changes };
}

interface SqliteStatement<Row> {
  readonly reader: boolean;
  all(...parameters: readonly unknown[]): readonly Row[];
  run(...parameters: readonly unknown[]): { readonly changes: number };
  raw(): SqliteStatement<RawRow>;
}

type PlainRow = QueryResult["rows"][number];

interface SqliteConnection {
  prepare(sql: string): SqliteStatement<PlainRow>;
}

/** The statements of a connection, each prepared once: those that give objects, and those that give rows. */
interface SqliteStatements {
  readonly plain: (sql: string) => SqliteStatement<PlainRow>;
  readonly raw: (sql: string) => SqliteStatement<RawRow>;
}

const statements = new WeakMap<SqliteConnection, SqliteStatements>();

function statementsOf(connection: SqliteConnection): SqliteStatements {
  const known = statements.get(connection);
  if (known !== undefined) return known;
  const made = {
    plain: remembered((sql: string) => connection.prepare(sql)),
    raw: remembered((sql: string) => connection.prepare(sql).raw()),
  };
  statements.set(connection, made);
  return made;
}
