import type { Dialect, QueryResult, Statement } from "./dialect.js";
import { type RawMysqlConnection, takeMysqlRows } from "./mysql-rows.js";
import { updateManyInMysql } from "./mysql-update.js";
import { placeholdersOf } from "./padded-list.js";
import { asIs, type RawRows } from "./raw-rows.js";
import { CONNECT_TIMEOUT_MS, locateServer } from "./server-url.js";

/** The longest text of statements that are sent at once, in UTF-16 units: few are longer, and a packet is bounded. */
const MAX_MYSQL_TEXT = 1024 * 1024;

const rawRows: RawRows = {
  bigint: asIs,
  boolean: asIs,
  time: asIs,
  bytes: asIs,
  toMs: requireMs,
  toBytes: (value) => value as Buffer,
  run(connection, statement, take) {
    return takeMysqlRows(connection as RawMysqlConnection, statement, take);
  },
};

/** MySQL and MariaDB, by mysql2. */
export const mysql: Dialect = {
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
  rowsPerInsert: 128,
  insertMany: undefined,
  updateMany: (table, columns) => updateManyInMysql(mysql.kinds, table, columns),
  appendAtOnce: undefined,
  appendOne: undefined,
  lockKnown: lockKnownInMysql,
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
  rawRows,
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

/** Fails, where it finds fewer, by a number that is too large: error 1690. */
function lockKnownInMysql(columns: readonly string[], count: number): string {
  const ids = Array<string>(count).fill("?").join(", ");
  const told = ["id", ...columns];
  const known = Array<string>(count)
    .fill(`(${placeholdersOf(told)})`)
    .join(", ");
  // By the ids alone, too: MariaDB finds no rows by tuples but among all that there are.
  return `SELECT 9223372036854775807 + (${count} - COUNT(*)) FROM sessions FORCE INDEX (PRIMARY) WHERE id IN (${ids}) AND (${told.join(", ")}) IN (${known}) FOR UPDATE SKIP LOCKED`;
}

/** What MySQL makes of a time may be text: that is not to pass for one. */
function requireMs(value: unknown): number {
  const ms = Number(value);
  if (Number.isNaN(ms)) throw new Error("a column of times has been read as something else");
  return ms;
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

type Rows = QueryResult["rows"];

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
