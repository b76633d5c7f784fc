import { Utf8Text } from "../domain/text.js";
import type { RawRow } from "./raw-rows.js";

/** Types of columns: https://dev.mysql.com/doc/dev/mysql-server/latest/field__types_8h.html */
const TINY = 1;
const INT = 3;
const BIGINT = 8;
const DATETIME = 12;
const BLOB = 252;
/** Those that text and bytes may have, short or long. */
const BLOBS: ReadonlySet<number> = new Set([249, 250, 251, BLOB, 253, 254]);

/** Readings that no type stands for. */
const TEXT = 1_000;
const WORD = 1_001;

const UNSIGNED_FLAG = 32;
const BINARY_CHARSET = 63;

/** Up to how many bytes a column may have that holds one of a few words. */
const MAX_WORD_BYTES = 80;
/** How many words are made once, and not for each row. */
const MAX_WORDS = 16;

/** What a length begins with that has 2, 3 or 8 more bytes; NULL has none. */
const LENGTH_2 = 0xfc;
const LENGTH_3 = 0xfd;

/** How many bytes a time has up to its seconds, and with its microseconds. */
const SECONDS_LENGTH = 7;
const MICROSECONDS_LENGTH = 11;

/** What mysql2 knows of a column of a result. */
export interface MysqlColumn {
  readonly columnType: number;
  readonly characterSet: number;
  readonly encoding: string;
  /** In bytes, at the most. */
  readonly columnLength: number;
  readonly flags: number;
}

/** A packet of mysql2's that holds a row; the next row comes in the same object. */
export interface MysqlPacket {
  readonly buffer: Buffer;
  /** Where the row begins. */
  readonly offset: number;
}

/** Takes rows, of which nothing may be kept but what was made of them. */
export interface RowTaker {
  take(row: RawRow): void;
}

/** Gives how columns are read; undefined if one of them is not of a type of the server's tables. */
export function readingsOf(columns: readonly MysqlColumn[]): readonly number[] | undefined {
  const readings = columns.map(readingOf);
  return readings.every((reading) => reading !== undefined) ? readings : undefined;
}

function readingOf(column: MysqlColumn): number | undefined {
  const { columnType, characterSet, encoding, columnLength, flags } = column;
  if (!BLOBS.has(columnType)) {
    const isUnsigned = (flags & UNSIGNED_FLAG) !== 0;
    return isUnsigned ? undefined : [TINY, INT, BIGINT, DATETIME].find((one) => one === columnType);
  }
  if (characterSet === BINARY_CHARSET) return BLOB;
  if (encoding !== "utf8") return undefined;
  return columnLength <= MAX_WORD_BYTES ? WORD : TEXT;
}

/**
 * Reads rows of MySQL's binary protocol: numbers, times in UTC as milliseconds since 1970, bytes as Buffers, and
 * text as {@link Utf8Text}, or as a string where the column is a short one. A whole number past
 * 2^53 is rounded.
 *
 * See https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_binary_resultset.html
 */
export class MysqlRowReader {
  readonly #readings: readonly number[];
  readonly #taker: RowTaker;
  readonly #row: unknown[];
  readonly #words: string[] = [];
  #buffer: Buffer = Buffer.alloc(0);
  #at = 0;
  /** The four bytes of the day that was read last, and when it began: most rows are of one day. */
  #day = 0;
  #dayMs = Number.NaN;

  constructor(readings: readonly number[], taker: RowTaker) {
    this.#readings = readings;
    this.#taker = taker;
    this.#row = new Array<unknown>(readings.length);
  }

  /** Reads a row, and hands it over. */
  next({ buffer, offset }: MysqlPacket): void {
    const row = this.#row;
    const { length } = row;
    // A byte that is 0, a bit for each column that tells whether it is NULL after two that
    // mean nothing, and the values of the others.
    const nulls = offset + 1;
    this.#buffer = buffer;
    this.#at = nulls + ((length + 2 + 7) >> 3);
    for (let index = 0; index < length; index++) {
      const bit = index + 2;
      const isNull = (((buffer[nulls + (bit >> 3)] ?? 0) >> (bit & 7)) & 1) === 1;
      row[index] = isNull ? null : this.#value(this.#readings[index] ?? 0);
    }
    this.#taker.take(row);
  }

  #value(reading: number): unknown {
    switch (reading) {
      case TINY:
        return (this.#byte() << 24) >> 24;
      case INT:
        return this.#int();
      case BIGINT:
        return this.#uint() + 0x1_0000_0000 * this.#int();
      case DATETIME:
        return this.#time();
      case WORD:
        return this.#word();
      case TEXT:
        return this.#text();
      default:
        return this.#buffer.subarray(this.#skip(), this.#at);
    }
  }

  #byte(): number {
    const byte = this.#buffer[this.#at] ?? 0;
    this.#at += 1;
    return byte;
  }

  #ushort(): number {
    return this.#byte() | (this.#byte() << 8);
  }

  #int(): number {
    return this.#ushort() | (this.#ushort() << 16);
  }

  #uint(): number {
    return this.#int() >>> 0;
  }

  /** Skips a value that has its length before it, and gives where it begins. */
  #skip(): number {
    const length = this.#length();
    const start = this.#at;
    this.#at += length;
    return start;
  }

  #length(): number {
    const first = this.#byte();
    if (first < LENGTH_2) return first;
    if (first === LENGTH_2) return this.#ushort();
    if (first === LENGTH_3) return this.#ushort() | (this.#byte() << 16);
    return this.#uint() + 0x1_0000_0000 * this.#uint();
  }

  #time(): number {
    const length = this.#byte();
    if (length === 0) return Number.NaN;
    const day = this.#int();
    if (day !== this.#day) {
      this.#day = day;
      this.#dayMs = Date.UTC(day & 0xffff, ((day >> 16) & 0xff) - 1, day >>> 24);
    }
    if (length < SECONDS_LENGTH) return this.#dayMs;
    const seconds = (this.#byte() * 60 + this.#byte()) * 60 + this.#byte();
    const ms = length < MICROSECONDS_LENGTH ? 0 : Math.floor(this.#uint() / 1_000);
    return this.#dayMs + seconds * 1_000 + ms;
  }

  #text(): Utf8Text {
    const start = this.#skip();
    return new Utf8Text(this.#buffer, start, this.#at);
  }

  #word(): string {
    const start = this.#skip();
    for (const word of this.#words) if (this.#isWord(word, start)) return word;
    const word = this.#buffer.toString("utf8", start, this.#at);
    if (this.#words.length < MAX_WORDS) this.#words.push(word);
    return word;
  }

  /** Whether what begins at `start`, and ends where reading goes on, is a word of ASCII. */
  #isWord(word: string, start: number): boolean {
    const { length } = word;
    if (length !== this.#at - start) return false;
    for (let index = 0; index < length; index++) {
      if (word.charCodeAt(index) !== this.#buffer[start + index]) return false;
    }
    return true;
  }
}
