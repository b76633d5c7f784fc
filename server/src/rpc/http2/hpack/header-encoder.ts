import { STATIC_TABLE } from "./static-table.js";

const INDEXED = 0x80;
const INDEXED_MASK = 0x7f;
const LITERAL = 0;
const LITERAL_MASK = 0x0f;
const PLAIN = 0;
const LENGTH_MASK = 0x7f;

/** What a field needs beside its name and value at the most: a byte of its own, and two lengths. */
const MAX_OVERHEAD_BYTES = 1 + 2 * 6;

/** The first index of each name of the static table; others of the same name follow it. */
const FIRST_INDEXES: ReadonlyMap<string, number> = new Map(
  STATIC_TABLE.map(({ name }, index): [string, number] => [name, index + 1]).reverse(),
);

/** The name and the value of a field, both in Latin-1. */
export type FieldToEncode = readonly [name: string, value: string];

/**
 * Encodes fields as a header block, which means the same to every client at any time: it neither
 * refers to a dynamic table nor changes one.
 *
 * Source: https://www.rfc-editor.org/rfc/rfc7541#section-6
 */
export function encodeHeaders(fields: readonly FieldToEncode[]): Buffer {
  const writer = new BlockWriter(fields.reduce((bytes, field) => bytes + maxBytesOf(field), 0));
  for (const [name, value] of fields) {
    const index = indexOf(name, value);
    if (STATIC_TABLE[index - 1]?.value === value) writer.integer(INDEXED, INDEXED_MASK, index);
    else {
      writer.integer(LITERAL, LITERAL_MASK, index);
      if (index === 0) writer.string(name);
      writer.string(value);
    }
  }
  return writer.written;
}

function maxBytesOf([name, value]: FieldToEncode): number {
  return name.length + value.length + MAX_OVERHEAD_BYTES;
}

/** Gives the index of a field of the static table, or else of the first with its name, or else 0. */
function indexOf(name: string, value: string): number {
  const first = FIRST_INDEXES.get(name) ?? 0;
  for (let index = first; STATIC_TABLE[index - 1]?.name === name; index += 1) {
    if (STATIC_TABLE[index - 1]?.value === value) return index;
  }
  return first;
}

/** Writes integers and strings: https://www.rfc-editor.org/rfc/rfc7541#section-5 */
class BlockWriter {
  readonly #block: Buffer;
  #length = 0;

  constructor(maxBytes: number) {
    this.#block = Buffer.allocUnsafe(maxBytes);
  }

  get written(): Buffer {
    return this.#block.subarray(0, this.#length);
  }

  /** Writes an integer that begins in those bits of a byte that `mask` has; `flags` are the others. */
  integer(flags: number, mask: number, value: number): void {
    if (value < mask) {
      this.#byte(flags | value);
      return;
    }
    this.#byte(flags | mask);
    let rest = value - mask;
    for (; rest > 0x7f; rest >>>= 7) this.#byte((rest & 0x7f) | 0x80);
    this.#byte(rest);
  }

  string(text: string): void {
    this.integer(PLAIN, LENGTH_MASK, text.length);
    this.#length += this.#block.write(text, this.#length, "latin1");
  }

  #byte(byte: number): void {
    this.#block[this.#length] = byte;
    this.#length += 1;
  }
}
