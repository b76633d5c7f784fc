import { postgresStatement } from "./postgres-statement.js";
import { parseUtc } from "./utc-text.js";

/** A row: the values of its columns, in the order in which they were selected. */
export type RawRow = readonly unknown[];

/**
 * How a driver gives many rows at the least cost: without objects, and without the
 * conversions that the driver would do for every value.
 */
export interface RawRows {
  /** Selects a column of whole numbers that may be past 32 bits: `Number` reads what it gives. */
  readonly bigint: (column: string) => string;
  /** Selects a column of booleans: `Number` makes 1 or 0 of what it gives. */
  readonly boolean: (column: string) => string;
  /** Selects a column of times, which {@link RawRows.toTime} reads. */
  readonly time: (column: string) => string;
  /** Selects a column of bytes, which {@link RawRows.toBytes} reads. */
  readonly bytes: (column: string) => string;

  /** Reads a time. */
  toTime(value: unknown): Date;

  /** Reads bytes. */
  toBytes(value: unknown): Buffer;

  /** Runs a statement on a connection of the driver: prepared, with `?` for each parameter. */
  run(connection: object, sql: string, parameters: readonly unknown[]): Promise<readonly RawRow[]>;
}

/** SQLite's, by better-sqlite3. */
export const sqliteRawRows: RawRows = {
  bigint: asIs,
  boolean: asIs,
  time: asIs,
  bytes: asIs,
  toTime: (value) => new Date(parseUtc(String(value))),
  toBytes: (value) => value as Buffer,
  async run(connection, sql, parameters) {
    return sqliteStatement(connection as SqliteConnection, sql).all(...parameters);
  },
};

/** PostgreSQL's, by pg, which then decodes nothing but text. */
export const postgresRawRows: RawRows = {
  bigint: asIs,
  boolean: (column) => `CAST(${column} AS INTEGER)`,
  time: (column) => `CAST(date_part('epoch', ${column}) * 1000 AS BIGINT)`,
  // Not in the form that the setting bytea_output chooses.
  bytes: (column) => `encode(${column}, 'hex')`,
  toTime: (value) => new Date(Number(value)),
  toBytes: (value) => Buffer.from(String(value), "hex"),
  async run(connection, sql, parameters) {
    const { name, text } = postgresStatement(sql);
    const { rows } = await (connection as PostgresConnection).query({
      name,
      text,
      values: parameters,
      rowMode: "array",
      types: AS_TEXT,
    });
    return rows;
  },
};

/** MySQL's and MariaDB's, by mysql2. */
export const mysqlRawRows: RawRows = {
  // A double holds them exactly, and is read many times as fast as what TypeORM has mysql2 make
  // of a BIGINT: text.
  bigint: (column) => `${column} + 0e0`,
  boolean: asIs,
  time: asIs,
  bytes: asIs,
  toTime: (value) => value as Date,
  toBytes: (value) => value as Buffer,
  run(connection, sql, parameters) {
    return new Promise((resolve, reject) => {
      const options = { sql, rowsAsArray: true } as const;
      (connection as MysqlConnection).execute(options, parameters, (error, rows) =>
        error ? reject(error) : resolve(rows),
      );
    });
  },
};

function asIs(column: string): string {
  return column;
}

const AS_TEXT = { getTypeParser: () => (value: string) => value };

interface SqliteStatement {
  raw(): SqliteStatement;
  all(...parameters: readonly unknown[]): readonly RawRow[];
}

interface SqliteConnection {
  prepare(sql: string): SqliteStatement;
}

interface PostgresConnection {
  query(query: {
    readonly name: string;
    readonly text: string;
    readonly values: readonly unknown[];
    readonly rowMode: "array";
    readonly types: typeof AS_TEXT;
  }): Promise<{ readonly rows: readonly RawRow[] }>;
}

interface MysqlConnection {
  execute(
    options: { readonly sql: string; readonly rowsAsArray: true },
    parameters: readonly unknown[],
    done: (error: Error | null, rows: readonly RawRow[]) => void,
  ): void;
}

const sqliteStatements = new WeakMap<SqliteConnection, Map<string, SqliteStatement>>();

function sqliteStatement(connection: SqliteConnection, sql: string): SqliteStatement {
  const statements = sqliteStatements.get(connection) ?? new Map<string, SqliteStatement>();
  sqliteStatements.set(connection, statements);
  const statement = statements.get(sql) ?? connection.prepare(sql).raw();
  statements.set(sql, statement);
  return statement;
}
