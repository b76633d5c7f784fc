import { StateError } from "../errors.js";

/** The ways in which a field is encoded: https://protobuf.dev/programming-guides/encoding/#structure */
const VARINT = 0;
const BIT64 = 1;
const LENGTH_DELIMITED = 2;
const BIT32 = 5;

const LOW_BITS = 2 ** 28;
const TEXT_DECODER = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

/** Gives the tag of a field that is a number or a bool. */
export function varint({ number }: Field): number {
  return number * 8 + VARINT;
}

/** Gives the tag of a field that is a text, bytes or a message. */
export function delimited({ number }: Field): number {
  return number * 8 + LENGTH_DELIMITED;
}

/** A field's number in its message. */
interface Field {
  readonly number: number;
}

/**
 * Reads fields of protobuf's binary encoding one after the other, from a position up to an
 * end. It makes no objects: whoever reads knows the fields' types.
 */
export class WireReader {
  /** Where it reads next. */
  position: number;
  readonly #bytes: Buffer;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.position = 0;
  }

  /** How many bytes there are. */
  get length(): number {
    return this.#bytes.length;
  }

  /** Reads a tag: the number of a field times 8, and the way in which it is encoded. */
  tag(): number {
    const tag = this.int32() >>> 0;
    // No field has the number 0.
    if (tag < 8) throw malformed();
    return tag;
  }

  /** Reads an int32, an enum or a bool as a number. */
  int32(): number {
    let byte = this.#byte();
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    for (let shift = 7; shift < 70; shift += 7) {
      byte = this.#byte();
      // What is behind 32 bits is the sign once more.
      if (shift < 32) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value | 0;
    }
    throw malformed();
  }

  /**
   * Reads an int64 as a number.
   *
   * @throws StateError `internal` if a number cannot hold it exactly.
   */
  int64(): number {
    const start = this.position;
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return low;
    }
    let high = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte();
      high += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return safe(high * LOW_BITS + low);
    }
    this.position = start;
    return safe(Number(BigInt.asIntN(64, this.#bigint())));
  }

  /**
   * Reads the length of what follows, and gives where it ends.
   *
   * @throws StateError `internal` if that is behind the end.
   */
  end(): number {
    const length = this.int32() >>> 0;
    const end = this.position + length;
    if (end > this.#bytes.length) throw malformed();
    return end;
  }

  /**
   * Returns if what was read ended where it had to.
   *
   * @throws StateError `internal` if not.
   */
  requireAt(end: number): void {
    if (this.position !== end) throw malformed();
  }

  /** Reads a text. */
  string(): string {
    const end = this.end();
    const text = this.#bytes.toString("utf8", this.position, end);
    // In place of what is no UTF-8 there would be U+FFFD, which may also have been sent.
    const isDoubtful = text.includes("\ufffd");
    const result = isDoubtful ? decodeStrictly(this.#bytes.subarray(this.position, end)) : text;
    this.position = end;
    return result;
  }

  /** Reads bytes, which are a view of what is read. */
  bytes(): Uint8Array {
    const end = this.end();
    const { buffer, byteOffset } = this.#bytes;
    const view = new Uint8Array(buffer, byteOffset + this.position, end - this.position);
    this.position = end;
    return view;
  }

  /** Passes over a field whose tag was read. */
  skip(tag: number): void {
    const type = tag & 7;
    if (type === VARINT) this.#bigint();
    else if (type === LENGTH_DELIMITED) this.position = this.end();
    else if (type === BIT64) this.position += 8;
    else if (type === BIT32) this.position += 4;
    else throw malformed();
    if (this.position > this.#bytes.length) throw malformed();
  }

  #bigint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw malformed();
  }

  #byte(): number {
    const byte = this.#bytes[this.position];
    if (byte === undefined) throw malformed();
    this.position += 1;
    return byte;
  }
}

function safe(value: number): number {
  if (Number.isSafeInteger(value)) return value;
  throw new StateError("internal", `the server's answer has a number beyond 2^53: ${value}`);
}

function decodeStrictly(bytes: Uint8Array): string {
  try {
    return TEXT_DECODER.decode(bytes);
  } catch (cause) {
    throw malformed(cause);
  }
}

function malformed(cause?: unknown): StateError {
  const message = "the server's answer is malformed: check its version";
  return new StateError("internal", message, { cause });
}
