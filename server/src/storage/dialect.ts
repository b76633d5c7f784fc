import type { ColumnType, DataSourceOptions } from "typeorm";
import type { RawRows } from "./raw-rows.js";

/** A statement, with `?` for each parameter, and its parameters. */
export type Statement = readonly [sql: string, parameters: readonly unknown[]];

/** A row that is given to a statement: the values of its columns, in their order. */
export type RowValues = readonly unknown[];

/** Gives the statement that does something with rows, whatever their number. */
export type RowsStatement = (rows: readonly RowValues[]) => Statement;

/** What a statement gave. */
export interface QueryResult {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  /** How many rows it changed. */
  readonly affected: number;
}

/** What kind of failure a database's error is; an error of no kind is a defect. */
export type Failure =
  /** A unique key was taken: the transaction may be run again to see by whom. */
  | "unique"
  /** It lost against another transaction and was rolled back: it may be run again. */
  | "conflict"
  /** The database cannot be reached or serves no one now. */
  | "unavailable"
  | "full"
  | "read_only"
  /** A statement was larger than the database takes. */
  | "too_large";

/** A column's type: as TypeORM knows it, and as it is written in a table's definition. */
export interface ColumnKind {
  readonly type: ColumnType;
  readonly sql: string;
}

/** The types of columns. All of them keep what they are given exactly. */
export interface ColumnKinds {
  readonly uuid: ColumnKind;
  /** Text of any length. */
  readonly text: ColumnKind;
  /** Text of up to 255 bytes that is compared byte for byte. */
  readonly key: ColumnKind;
  /** A short word of ASCII. */
  readonly word: ColumnKind;
  /** A time in UTC, to the millisecond at least. */
  readonly time: ColumnKind;
  /** Bytes of any length. */
  readonly bytes: ColumnKind;
  /** 32 bytes. */
  readonly hash: ColumnKind;
  readonly bigint: ColumnKind;
  readonly integer: ColumnKind;
  readonly boolean: ColumnKind;
}

/** A column to update: its name in SQL, and its kind. */
export type UpdatedColumn = readonly [name: string, kind: keyof ColumnKinds];

/** A column to insert: its name in SQL, and its type as TypeORM knows it. */
export type InsertedColumn = readonly [name: string, type: ColumnType];

/** The columns of a statement that appends to sessions. */
export interface AppendColumns {
  /** The id of a session, and what is written of it. */
  readonly sessions: readonly UpdatedColumn[];
  /** What tells whether a session is as it is known to be: whole numbers. */
  readonly telling: readonly string[];
  readonly messages: readonly InsertedColumn[];
}

/**
 * Gives the statement that appends messages to sessions. Each session has the values of its
 * columns, and what tells that it is as it is known to be as one text, separated by spaces;
 * each message has the values of its columns.
 */
export type AppendStatement = (
  sessions: readonly RowValues[],
  messages: readonly RowValues[],
) => Statement;

/** Everything in which one database differs from another; `dialects.ts` has those that there are. */
export interface Dialect {
  readonly backend: "memory" | "sqlite" | "postgres" | "mysql";
  readonly kinds: ColumnKinds;
  /** What follows the parenthesis in a table's definition. */
  readonly tableOptions: string;
  /** Whether all statements share one connection, so that they have to queue. */
  readonly singleConnection: boolean;
  /** Begins a transaction that will write. */
  readonly begin: string;
  /** Begins a transaction that only reads, and sees the same snapshot all the time. */
  readonly beginSnapshot: readonly string[];
  /** What a SELECT ends with to lock its rows until the transaction ends. */
  readonly forUpdate: string;
  /** The same, for those of its rows that no other transaction has locked: the others are left out. */
  readonly forUpdateOfFree: string;
  /** How many rows one statement inserts at most: one, where it is no round trip, and one of many rows costs more. */
  readonly rowsPerInsert: number;
  /** Makes statements that insert many rows. Undefined where a parameter for each value is as good. */
  readonly insertMany:
    | ((table: string, columns: readonly InsertedColumn[]) => RowsStatement)
    | undefined;
  /**
   * Makes statements that update many rows by their id, which is the first column. Undefined
   * where a statement for each row is as good.
   */
  readonly updateMany:
    | ((table: string, columns: readonly UpdatedColumn[]) => RowsStatement)
    | undefined;
  /**
   * Makes statements that append messages to sessions which are as they are known to be.
   * Undefined where one statement cannot do that.
   */
  readonly appendAtOnce: ((columns: AppendColumns) => AppendStatement) | undefined;
  /** Gives a statement that does the same for one message, where that costs less. */
  readonly appendOne: ((columns: AppendColumns) => string) | undefined;
  /**
   * Gives a statement that locks so many sessions by their ids, and fails unless each of them
   * has the values in some columns that it is known to have, and no other transaction has
   * locked it: what is sent with it has no effect then. Undefined where that is no round trip
   * less. Its parameters are the ids, and then for each session its id and its values.
   */
  readonly lockKnown: ((columns: readonly string[], count: number) => string) | undefined;
  /** Gives the day in UTC of a column of times, as the text `YYYY-MM-DD`. */
  readonly utcDay: (column: string) => string;
  /** The database's clock, in milliseconds since 1970: alike for all who share the database. */
  readonly nowMs: string;
  /** The content of a message with the text of a parameter at its end. */
  readonly extendedContent: string;
  /** The UTF-8 bytes of the content of a message from a parameter on; the first is 1. */
  readonly contentFrom: string;
  /** How the messages that every context keeps are found without reading those between them. */
  readonly kept: KeptMessages;
  /** How many rows are read at the least cost. */
  readonly rawRows: RawRows;
  /** What every connection is told first. */
  readonly connectionSettings: readonly string[];
  /** How migrating servers wait for each other. */
  readonly migrations: {
    readonly lock: string;
    readonly unlock: string;
    readonly unlockAfterFailure: string;
    readonly transaction: "all" | "none";
  };
  /** The error classes of the database: what `code` or `errno` of an error says. */
  readonly failures: readonly (readonly [Failure, RegExp])[];
  /** What `code: message` of an error is where the connection to the database is lost. */
  readonly lostConnection: RegExp;
  /** Settings of the database that put data or calls at risk: a query, and what to say of a row. */
  readonly cautions: readonly Caution[];

  /** A table, to be read by an index, where the database has to be told. */
  readBy(table: string, index: string): string;

  options(url: string, poolSize: number): DataSourceOptions;

  /**
   * Names the database of a URL without its credentials.
   *
   * @throws UsageError if the URL cannot be read.
   */
  locate(url: string): string;

  /** Runs a statement on a connection of the driver: prepared, with `?` for each parameter. */
  run(connection: object, sql: string, parameters: readonly unknown[]): Promise<QueryResult>;

  /**
   * Runs statements of a transaction one after the other, in one round trip where they can be
   * sent at once: of those after one that fails, none has any effect.
   */
  runAll(connection: object, statements: readonly Statement[]): Promise<readonly QueryResult[]>;

  /** Ends a connection that may still be busy. */
  destroy(connection: object): void;
}

/** How the system messages and the pinned ones of a session are found. */
export interface KeptMessages {
  /** The index `messages_kept`: its columns, and which rows it has. */
  readonly index: string;
  /** The table, with the index where the database has to be told. */
  readonly table: string;
  /** One of these conditions is true of each of them; they are written as the index needs them. */
  readonly conditions: readonly string[];
}

/** A setting of the database that the server looks at when it starts. */
export interface Caution {
  readonly sql: string;
  /** What is wrong with the value that was found, if anything is. */
  warn(value: string, maxRequestBytes: number): string | undefined;
}
