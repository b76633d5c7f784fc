import type { Statement } from "./dialect.js";

/** A row: the values of its columns, in the order in which they were selected. */
export type RawRow = readonly unknown[];

/** Takes the next row of a result. What it throws, the statement fails with. */
export type TakeRow = (row: RawRow) => void;

/**
 * How a driver gives many rows at the least cost: without objects, and without the
 * conversions that the driver would do for every value.
 */
export interface RawRows {
  /** Selects a column of whole numbers that may be past 32 bits: `Number` reads what it gives. */
  readonly bigint: (column: string) => string;
  /** Selects a column of booleans: `Number` makes 1 or 0 of what it gives. */
  readonly boolean: (column: string) => string;
  /** Selects a column of times, which {@link RawRows.toMs} reads. */
  readonly time: (column: string) => string;
  /** Selects a column of bytes, which {@link RawRows.toBytes} reads. */
  readonly bytes: (column: string) => string;

  /** Reads a time, in milliseconds since 1970. */
  toMs(value: unknown): number;

  /** Reads bytes. */
  toBytes(value: unknown): Buffer;

  /**
   * Runs a statement on a connection of the driver, prepared, with `?` for each parameter, and
   * hands over its rows, of which nothing is to be kept but what was made of them.
   */
  run(connection: object, statement: Statement, take: TakeRow): Promise<void>;
}

/** Selects a column as it is. */
export function asIs(column: string): string {
  return column;
}
