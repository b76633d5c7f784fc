import type { Text, Utf8Text } from "../domain/text.js";

/** The ways in which a field is encoded: https://protobuf.dev/programming-guides/encoding/#structure */
const VARINT = 0;
const LENGTH_DELIMITED = 2;

const MAX_VARINT_BYTES = 10;
const MAX_INT32 = 0x7fffffff;
/** What UTF-8 has for one unit of UTF-16 at the most. */
const MAX_UNIT_BYTES = 3;
/** Up to how many characters a text is written one by one, which is faster than a call of Node's. */
const SHORT_TEXT = 48;
const FIRST_BYTES = 64 * 1024;
/** A buffer that grew past this is not kept. */
const KEPT_BYTES = 1024 * 1024;

/** A field's number in its message. */
interface Field {
  readonly number: number;
}

/** Gives the tag of a field that is a number, an enum or a bool. */
export function varint({ number }: Field): number {
  return number * 8 + VARINT;
}

/** Gives the tag of a field that is a text, bytes or a message. */
export function delimited({ number }: Field): number {
  return number * 8 + LENGTH_DELIMITED;
}

/**
 * Writes fields of protobuf's binary encoding one after the other. It makes no objects, and
 * writes what it is told: leaving out what has its default is up to whoever writes.
 *
 * One writer serves for any number of messages, one after the other.
 */
export class WireWriter {
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #length = 0;

  /** How many bytes were written. */
  get length(): number {
    return this.#length;
  }

  /** Begins anew: forgets what was written, which an error may have left unfinished. */
  reset(): void {
    this.#length = 0;
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  }

  /** Writes a field that is a whole number from 0 to 2^53, an enum, or a bool as 0 or 1. */
  uint(tag: number, value: number): void {
    this.#reserve(2 * MAX_VARINT_BYTES);
    this.#varint(tag);
    this.#varint(value);
  }

  /** Writes a field that is a whole number, negative or not, of at most 53 bits. */
  int(tag: number, value: number): void {
    if (value >= 0) {
      this.uint(tag, value);
      return;
    }
    this.#reserve(2 * MAX_VARINT_BYTES);
    this.#varint(tag);
    let rest = BigInt.asUintN(64, BigInt(value));
    for (; rest > 0x7fn; rest >>= 7n) this.#byte(Number(rest & 0x7fn) | 0x80);
    this.#byte(Number(rest));
  }

  /** Writes a field that is a text; what of it is no Unicode becomes U+FFFD. */
  text(tag: number, value: Text): void {
    if (typeof value === "string") this.#string(tag, value);
    else this.#utf8(tag, value);
  }

  /** Writes what is encoded already: whole fields. */
  encoded(fields: Uint8Array): void {
    this.#reserve(fields.length);
    this.#bytes.set(fields, this.#length);
    this.#length += fields.length;
  }

  /** Begins a field that is a message of about so many bytes; {@link WireWriter.end} ends it. */
  begin(tag: number, expectedBytes: number): Begun {
    this.#reserve(2 * MAX_VARINT_BYTES);
    this.#varint(tag);
    const width = widthOf(expectedBytes);
    const start = this.#length;
    this.#length += width;
    return { start, width };
  }

  /** Ends the field that was begun last. */
  end({ start, width }: Begun): void {
    this.#reserve(MAX_VARINT_BYTES);
    this.#setLength(start, width);
  }

  /** What was written: a view, which the next message overwrites. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #string(tag: number, value: string): void {
    this.#reserve(2 * MAX_VARINT_BYTES + value.length * MAX_UNIT_BYTES);
    this.#varint(tag);
    if (value.length <= SHORT_TEXT && this.#ascii(value)) return;
    const start = this.#length;
    this.#length += widthOf(value.length);
    this.#length += this.#bytes.write(value, this.#length, "utf8");
    this.#setLength(start, widthOf(value.length));
  }

  #utf8(tag: number, { bytes, start, end }: Utf8Text): void {
    const length = end - start;
    this.#reserve(2 * MAX_VARINT_BYTES + length);
    this.#varint(tag);
    this.#varint(length);
    const at = this.#length;
    this.#length += length;
    if (length > SHORT_TEXT) {
      bytes.copy(this.#bytes, at, start, end);
      return;
    }
    const written = this.#bytes;
    for (let index = 0; index < length; index++) written[at + index] = bytes[start + index] ?? 0;
  }

  /** Writes the length of what follows `width` bytes after `start`, which moves if it needs more or less. */
  #setLength(start: number, width: number): void {
    const contentStart = start + width;
    const size = this.#length - contentStart;
    const needed = widthOf(size);
    if (needed !== width) this.#bytes.copyWithin(start + needed, contentStart, this.#length);
    this.#length = start;
    this.#varint(size);
    this.#length += size;
  }

  /** Writes a short text with its length if it is ASCII, and tells whether it is. */
  #ascii(value: string): boolean {
    const bytes = this.#bytes;
    const start = this.#length + 1;
    for (let index = 0; index < value.length; index++) {
      const unit = value.charCodeAt(index);
      if (unit > 0x7f) return false;
      bytes[start + index] = unit;
    }
    bytes[this.#length] = value.length;
    this.#length = start + value.length;
    return true;
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest > MAX_INT32; rest = Math.floor(rest / 0x80)) this.#byte((rest % 0x80) | 0x80);
    // Few numbers are larger, and dividing takes several times as long as shifting.
    for (; rest > 0x7f; rest >>= 7) this.#byte((rest & 0x7f) | 0x80);
    this.#byte(rest);
  }

  #byte(value: number): void {
    this.#bytes[this.#length] = value;
    this.#length += 1;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

/** A field that was begun: where its length is written, and how many bytes were left for that. */
export interface Begun {
  readonly start: number;
  readonly width: number;
}

/** How many bytes a varint takes. */
function widthOf(value: number): number {
  let width = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 0x80)) width += 1;
  return width;
}
