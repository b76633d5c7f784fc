import type { Duplex } from "node:stream";
import type { Dialect, QueryResult, Statement } from "./dialect.js";
import { KEPT, PARTIAL_INDEX } from "./partial-index.js";
import { appendInPostgres, appendOneInPostgres } from "./postgres-append.js";
import { insertManyInPostgres, updateManyInPostgres } from "./postgres-arrays.js";
import { postgresStatement } from "./postgres-statement.js";
import { asIs, type RawRow, type RawRows } from "./raw-rows.js";
import { CONNECT_TIMEOUT_MS, locateServer } from "./server-url.js";

/** The driver then decodes nothing but text. */
const rawRows: RawRows = {
  bigint: asIs,
  boolean: (column) => `CAST(${column} AS INTEGER)`,
  time: (column) => `CAST(date_part('epoch', ${column}) * 1000 AS BIGINT)`,
  // Not in the form that the setting bytea_output chooses.
  bytes: (column) => `encode(${column}, 'hex')`,
  toMs: Number,
  toBytes: (value) => Buffer.from(String(value), "hex"),
  async run(connection, [sql, parameters], take) {
    const { name, text } = postgresStatement(sql);
    const { rows } = await (connection as PostgresConnection).query({
      name,
      text,
      values: parameters,
      rowMode: "array",
      types: AS_TEXT,
    });
    for (const row of rows) take(row);
  },
};

/** PostgreSQL, by pg. */
export const postgres: Dialect = {
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
  rowsPerInsert: 128,
  insertMany: insertManyInPostgres,
  updateMany: (table, columns) => updateManyInPostgres(postgres.kinds, table, columns),
  appendAtOnce: (columns) => appendInPostgres(postgres.kinds, columns),
  appendOne: appendOneInPostgres,
  lockKnown: undefined,
  readBy: (table) => table,
  utcDay: (column) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD')`,
  // An index is not entered by clock_timestamp(), which may differ from row to row.
  nowMs: "CAST(extract(epoch FROM statement_timestamp()) * 1000 AS BIGINT)",
  extendedContent: "content || ?",
  contentFrom: "substring(convert_to(content, 'UTF8') FROM ?)",
  kept: { index: PARTIAL_INDEX, table: "messages", conditions: [KEPT] },
  rawRows,
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

async function runInPostgres(
  connection: PostgresConnection,
  [sql, parameters]: Statement,
): Promise<QueryResult> {
  const { name, text } = postgresStatement(sql);
  const { rows, rowCount } = await connection.query({ name, text, values: parameters });
  return { rows, affected: rowCount ?? 0 };
}

type Rows = QueryResult["rows"];

const AS_TEXT = { getTypeParser: () => (value: string) => value };

interface PostgresConnection {
  readonly connection: { readonly stream: Pick<Duplex, "cork" | "uncork" | "destroy"> };
  query(
    query: PostgresQuery & { readonly rowMode: "array"; readonly types: typeof AS_TEXT },
  ): Promise<{ readonly rows: readonly RawRow[] }>;
  query(query: PostgresQuery): Promise<{ readonly rows: Rows; readonly rowCount: number | null }>;
}

interface PostgresQuery {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}
