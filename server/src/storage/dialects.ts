import { existsSync } from "node:fs";
import { dirname } from "node:path";
import type { Duplex } from "node:stream";
import { StateError } from "../domain/errors.js";
import { UsageError } from "../domain/usage-error.js";
import type { Dialect, QueryResult, Statement } from "./dialect.js";
import {
  insertManyInPostgres,
  updateManyInMysql,
  updateManyInPostgres,
} from "./json-statements.js";
import { postgresStatement } from "./postgres-statement.js";
import { mysqlRawRows, postgresRawRows, sqliteRawRows } from "./raw-rows.js";

/** How long to wait for a connection, in milliseconds. */
const CONNECT_TIMEOUT_MS = 5_000;

/**
 * How long a statement waits for another process to let go of a SQLite file: not at all,
 * since waiting blocks the whole server. It is tried again later.
 */
const SQLITE_BUSY_TIMEOUT_MS = 0;

/** The longest text of statements that are sent at once, in UTF-16 units: few are longer, and a packet is bounded. */
const MAX_MYSQL_TEXT = 1024 * 1024;

/** Partial indexes serve only what repeats their conditions word for word. */
const KEPT = "(role = 'system' OR pinned)";
const PARTIAL_INDEX = `(session_id, sequence) WHERE ${KEPT} AND deleted_at IS NULL`;

const sqlite: Dialect = {
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
  insertMany: undefined,
  updateMany: undefined,
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
  rawRows: sqliteRawRows,
  // better-sqlite3 is built to fall back to NORMAL in WAL mode, which loses commits in a power cut.
  connectionSettings: ["PRAGMA synchronous = FULL"],
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

const memory: Dialect = {
  ...sqlite,
  backend: "memory",
  cautions: [],
  options: () => ({ type: "better-sqlite3", database: ":memory:" }),
};

const postgres: Dialect = {
  backend: "postgres",
  kinds: {
    uuid: { type: "uuid", sql: "UUID" },
    text: { type: "text", sql: "TEXT" },
    key: { type: "text", sql: 'TEXT COLLATE "C"' },
    word: { type: "varchar", sql: "VARCHAR(20)" },
    time: { type: "timestamp with time zone", sql: "TIMESTAMPTZ" },
    bytes: { type: "bytea", sql: "BYTEA" },
    hash: { type: "bytea", sql: "BYTEA" },
    bigint: { type: "bigint", sql: "BIGINT" },
    integer: { type: "integer", sql: "INTEGER" },
    boolean: { type: "boolean", sql: "BOOLEAN" },
  },
  tableOptions: "",
  singleConnection: false,
  begin: "BEGIN",
  beginSnapshot: ["BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"],
  forUpdate: "FOR UPDATE",
  forUpdateOfFree: "FOR UPDATE SKIP LOCKED",
  insertMany: insertManyInPostgres,
  updateMany: (table, columns) => updateManyInPostgres(postgres.kinds, table, columns),
  readBy: (table) => table,
  utcDay: (column) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD')`,
  // An index is not entered by clock_timestamp(), which may differ from row to row.
  nowMs: "CAST(extract(epoch FROM statement_timestamp()) * 1000 AS BIGINT)",
  extendedContent: "content || ?",
  contentFrom: "substring(convert_to(content, 'UTF8') FROM ?)",
  kept: { index: PARTIAL_INDEX, table: "messages", conditions: [KEPT] },
  rawRows: postgresRawRows,
  connectionSettings: [
    "SET synchronous_commit = on",
    "SET default_transaction_isolation = 'read committed'",
    "SET lock_timeout = '10s'",
    // All reads here follow an index in its order; while a table has no statistics, the
    // planner would rather read a whole session by a bitmap and sort it.
    "SET enable_bitmapscan = off",
    // A server that was stopped in mid-transaction must not keep its locks: the others wait for
    // them for half of the time that a lock is waited for.
    "SET idle_in_transaction_session_timeout = '5s'",
  ],
  migrations: {
    lock: "SELECT pg_advisory_lock(hashtext('mofa_state_migrations'))",
    unlock: "SELECT pg_advisory_unlock(hashtext('mofa_state_migrations'))",
    unlockAfterFailure: "SELECT pg_advisory_unlock(hashtext('mofa_state_migrations'))",
    transaction: "all",
  },
  // Classes of https://www.postgresql.org/docs/current/errcodes-appendix.html
  failures: [
    ["unique", /^23505$/],
    ["conflict", /^(40001|40P01|55P03)$/],
    ["full", /^53100$/],
    ["read_only", /^25006$/],
    ["too_large", /^54000$/],
    ["unavailable", /^(08...|53[023]00|57P0.|57014|28...|3D000|25P03)$/],
  ],
  lostConnection:
    /^E[A-Z_]{3,}: |: (Connection terminated|Connection ended|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed|Query read timeout|Cannot use a pool after)/,
  cautions: [],

  options(url, poolSize) {
    return {
      type: "postgres",
      poolSize,
      installExtensions: false,
      extra: {
        connectionString: url,
        connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
        keepAlive: true,
        application_name: "mofa-state",
        pipeline: true,
      },
    };
  },

  locate: locateServer,

  run(connection, sql, parameters) {
    return runInPostgres(connection as PostgresConnection, [sql, parameters]);
  },

  async runAll(connection, statements) {
    const postgresConnection = connection as PostgresConnection;
    const { stream } = postgresConnection.connection;
    // In one packet. After a failure, PostgreSQL refuses the rest of a transaction, and its
    // COMMIT rolls back.
    stream.cork();
    const running = statements.map((statement) => runInPostgres(postgresConnection, statement));
    stream.uncork();
    const outcomes = await Promise.allSettled(running);
    return outcomes.map((outcome) => {
      if (outcome.status === "rejected") throw outcome.reason;
      return outcome.value;
    });
  },

  destroy(connection) {
    (connection as PostgresConnection).connection.stream.destroy();
  },
};

const mysql: Dialect = {
  backend: "mysql",
  kinds: {
    uuid: { type: "char", sql: "CHAR(36) CHARACTER SET ascii COLLATE ascii_bin" },
    text: { type: "longtext", sql: "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" },
    key: { type: "varbinary", sql: "VARBINARY(255)" },
    word: { type: "varchar", sql: "VARCHAR(20) CHARACTER SET ascii COLLATE ascii_bin" },
    time: { type: "datetime", sql: "DATETIME(6)" },
    bytes: { type: "longblob", sql: "LONGBLOB" },
    hash: { type: "binary", sql: "BINARY(32)" },
    bigint: { type: "bigint", sql: "BIGINT" },
    integer: { type: "int", sql: "INT" },
    boolean: { type: "boolean", sql: "BOOLEAN" },
  },
  tableOptions: "ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin ROW_FORMAT=DYNAMIC",
  singleConnection: false,
  begin: "START TRANSACTION",
  beginSnapshot: [
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    "START TRANSACTION WITH CONSISTENT SNAPSHOT",
  ],
  forUpdate: "FOR UPDATE",
  forUpdateOfFree: "FOR UPDATE SKIP LOCKED",
  insertMany: undefined,
  updateMany: (table, columns) => updateManyInMysql(mysql.kinds, table, columns),
  readBy: (table, index) => `${table} FORCE INDEX (${index})`,
  utcDay: (column) => `DATE_FORMAT(${column}, '%Y-%m-%d')`,
  nowMs: "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)",
  extendedContent: "CONCAT(content, ?)",
  contentFrom: "SUBSTRING(CAST(content AS BINARY), ?)",
  kept: {
    // It has no partial indexes: an append enters each message in this one, and in no second one.
    index: "(session_id, pinned, role, sequence)",
    table: "messages FORCE INDEX (messages_kept)",
    conditions: [
      "pinned = 1 AND role IN ('system', 'user', 'assistant', 'tool')",
      "pinned = 0 AND role = 'system'",
    ],
  },
  rawRows: mysqlRawRows,
  connectionSettings: [
    // Under REPEATABLE READ a transaction saw a head whose message it did not see.
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    // Without NO_BACKSLASH_ESCAPES, whatever the server's default: the driver escapes by backslash.
    "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
    "SET SESSION time_zone = '+00:00'",
    // A server that was stopped in mid-transaction must not keep its locks: the others wait for
    // them for half of the time that a lock is waited for. MySQL has no bound for that.
    "SET SESSION innodb_lock_wait_timeout = 10 /*M!100300 , SESSION idle_transaction_timeout = 5 */",
  ],
  migrations: {
    lock: "SELECT GET_LOCK(CONCAT('mofa_state.', DATABASE()), 60)",
    unlock: "SELECT RELEASE_LOCK(CONCAT('mofa_state.', DATABASE()))",
    unlockAfterFailure: "SELECT RELEASE_LOCK(CONCAT('mofa_state.', DATABASE()))",
    transaction: "none",
  },
  // Numbers of https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html
  failures: [
    ["unique", /^1062$/],
    ["conflict", /^(1213|1205|1020)$/],
    ["full", /^(1021|1114|1041)$/],
    ["read_only", /^(1290|1792|1836)$/],
    ["too_large", /^(1153|1301)$/],
    [
      "unavailable",
      /^(1040|1044|1045|1049|1053|1129|1152|1158|1159|1160|1161|1203|1927|2006|2013|4031)$/,
    ],
  ],
  lostConnection:
    /^(E(?!R_)[A-Z_]{3,}|PROTOCOL_\w+|POOL_\w+): |: (Can't (add new command|write)|Pool is closed)/,
  cautions: [
    {
      sql: "SELECT @@GLOBAL.innodb_flush_log_at_trx_commit AS value",
      warn: (value) =>
        value === "1"
          ? undefined
          : `innodb_flush_log_at_trx_commit is ${value}: a crash of the database can lose acknowledged data, set it to 1`,
    },
    {
      sql: "SELECT @@GLOBAL.max_allowed_packet AS value",
      warn: (value, maxRequestBytes) =>
        Number(value) >= 2 * maxRequestBytes
          ? undefined
          : `max_allowed_packet is ${value}: large appends will fail, set it to ${2 * maxRequestBytes} at least`,
    },
  ],

  options(url, poolSize) {
    return {
      type: "mysql",
      charset: "utf8mb4",
      timezone: "Z",
      connectTimeout: CONNECT_TIMEOUT_MS,
      poolSize,
      extra: { uri: url, enableKeepAlive: true, multipleStatements: true },
    };
  },

  locate: locateServer,

  run(connection, sql, parameters) {
    return runInMysql(connection as MysqlConnection, [sql, parameters]);
  },

  async runAll(connection, statements) {
    const mysqlConnection = connection as MysqlConnection;
    const texts = statements.map(([sql, parameters]) => mysqlConnection.format(sql, parameters));
    const length = texts.reduce((sum, text) => sum + text.length, 0);
    // The answer to a single one is of another form.
    if (statements.length === 1 || length > MAX_MYSQL_TEXT) {
      const results: QueryResult[] = [];
      for (const statement of statements) {
        results.push(await runInMysql(mysqlConnection, statement));
      }
      return results;
    }
    return new Promise((resolve, reject) => {
      mysqlConnection.query<readonly MysqlResult[]>(texts.join("; "), (error, results) => {
        if (error) reject(error);
        else resolve(results.map(fromMysqlResult));
      });
    });
  },

  destroy(connection) {
    (connection as MysqlConnection).destroy();
  },
};

/** TypeORM would create the directory, so that a mistyped path became a new, empty database. */
function noDirectory(url: string, directory: string): StateError {
  const message = `cannot open the database ${url}: the directory ${directory} is not there, create it or name another file`;
  return new StateError("failed_precondition", "DATABASE_UNAVAILABLE", message);
}

function locateServer(url: string): string {
  try {
    const { protocol, host, pathname } = new URL(url);
    return `${protocol}//${host}${pathname}`;
  } catch {
    throw new UsageError(
      "the database URL cannot be read: write SCHEME://USER:PASSWORD@HOST:PORT/DATABASE, with special characters percent-encoded",
    );
  }
}

type Rows = QueryResult["rows"];

interface SqliteStatement {
  readonly reader: boolean;
  all(...parameters: readonly unknown[]): Rows;
  run(...parameters: readonly unknown[]): { readonly changes: number };
}

interface SqliteConnection {
  prepare(sql: string): SqliteStatement;
}

interface PostgresConnection {
  readonly connection: { readonly stream: Pick<Duplex, "cork" | "uncork" | "destroy"> };
  query(query: {
    readonly name: string;
    readonly text: string;
    readonly values: readonly unknown[];
  }): Promise<{ readonly rows: Rows; readonly rowCount: number | null }>;
}

type MysqlResult = Rows | { readonly affectedRows: number };

type MysqlCallback<Result> = (error: Error | null, result: Result) => void;

interface MysqlConnection {
  query<Result>(sql: string, done: MysqlCallback<Result>): void;
  execute(sql: string, parameters: readonly unknown[], done: MysqlCallback<MysqlResult>): void;
  format(sql: string, parameters: readonly unknown[]): string;
  destroy(): void;
}

function fromMysqlResult(result: MysqlResult): QueryResult {
  return "affectedRows" in result
    ? { rows: [], affected: result.affectedRows }
    : { rows: result, affected: 0 };
}

function runInMysql(
  connection: MysqlConnection,
  [sql, parameters]: Statement,
): Promise<QueryResult> {
  return new Promise((resolve, reject) => {
    const done: MysqlCallback<MysqlResult> = (error, result) => {
      if (error) reject(error);
      else resolve(fromMysqlResult(result));
    };
    // MySQL prepares no statement that begins or ends a transaction.
    if (parameters.length === 0) connection.query(sql, done);
    else connection.execute(sql, parameters, done);
  });
}

function runInSqlite(connection: SqliteConnection, [sql, parameters]: Statement): QueryResult {
  const statement = sqliteStatement(connection, sql);
  return statement.reader
    ? { rows: statement.all(...parameters), affected: 0 }
    : { rows: [], affected: statement.run(...parameters).changes };
}

async function runInPostgres(
  connection: PostgresConnection,
  [sql, parameters]: Statement,
): Promise<QueryResult> {
  const { name, text } = postgresStatement(sql);
  const { rows, rowCount } = await connection.query({ name, text, values: parameters });
  return { rows, affected: rowCount ?? 0 };
}

const sqliteStatements = new WeakMap<SqliteConnection, Map<string, SqliteStatement>>();

function sqliteStatement(connection: SqliteConnection, sql: string): SqliteStatement {
  const statements = sqliteStatements.get(connection) ?? new Map<string, SqliteStatement>();
  sqliteStatements.set(connection, statements);
  const statement = statements.get(sql) ?? connection.prepare(sql);
  statements.set(sql, statement);
  return statement;
}

const DIALECTS: readonly (readonly [RegExp, Dialect])[] = [
  [/^memory:$/, memory],
  [/^sqlite:\/\//, sqlite],
  [/^postgres(ql)?:\/\//, postgres],
  [/^(mysql|mariadb):\/\//, mysql],
];

/**
 * Gives the dialect of a database URL.
 *
 * @throws UsageError if there is no database of that kind.
 */
export function dialectOf(url: string): Dialect {
  const found = DIALECTS.find(([pattern]) => pattern.test(url));
  if (found !== undefined) return found[1];
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0] ?? JSON.stringify(url.slice(0, 20));
  throw new UsageError(
    `the database URL starts with ${scheme} and must be memory:, sqlite://FILE, postgres://USER:PASSWORD@HOST/DATABASE, mysql://… or mariadb://…`,
  );
}
