import type { EntitySchemaColumnOptions } from "typeorm";
import type { ColumnKind, ColumnKinds } from "./dialect.js";

/** Some drivers give 64-bit integers as strings; none of ours is past 2^53. */
const integers = {
  to: (value: unknown): unknown => value,
  from: (value: unknown): unknown => (value === null ? null : Number(value)),
};

/** Keys are kept as bytes where text has no binary comparison. */
const keys = {
  to: (value: unknown): unknown => value,
  from: (value: unknown): unknown => (Buffer.isBuffer(value) ? value.toString() : value),
};

type Column = EntitySchemaColumnOptions;

/** Makes columns of each kind by their names. */
export type Columns = Readonly<Record<keyof ColumnKinds, (name: string) => Column>>;

/** Makes columns of a database's types. */
export function columnsOf(kinds: ColumnKinds): Columns {
  const plain =
    ({ type }: ColumnKind) =>
    (name: string): Column => ({ type, name });
  const transformed =
    ({ type }: ColumnKind, transformer: typeof integers) =>
    (name: string): Column => ({ type, name, transformer });
  return {
    uuid: plain(kinds.uuid),
    text: plain(kinds.text),
    key: transformed(kinds.key, keys),
    word: plain(kinds.word),
    time: plain(kinds.time),
    bytes: plain(kinds.bytes),
    hash: plain(kinds.hash),
    bigint: transformed(kinds.bigint, integers),
    integer: transformed(kinds.integer, integers),
    boolean: plain(kinds.boolean),
  };
}

/** Makes a column a part of the primary key. */
export function primary(column: Column): Column {
  return { ...column, primary: true };
}

/** Lets a column be null. */
export function nullable(column: Column): Column {
  return { ...column, nullable: true };
}
