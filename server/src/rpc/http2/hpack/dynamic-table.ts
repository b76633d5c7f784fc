import type { HeaderField } from "./header-field.js";

/** What a field counts for at the least. */
const MIN_FIELD_BYTES = 32;

/**
 * The fields that one connection has seen of late, the newest first, within a bound of bytes.
 *
 * Source: https://www.rfc-editor.org/rfc/rfc7541#section-4
 */
export class DynamicTable {
  /** A ring: each new field goes to the place after the one before it. */
  readonly #fields: (HeaderField | undefined)[];
  #maxBytes: number;
  #newest = 0;
  #length = 0;
  #byteLength = 0;
  #changes = 0;

  /** It never holds more than `maxBytes`. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    const places = Math.max(1, Math.floor(maxBytes / MIN_FIELD_BYTES));
    this.#fields = new Array<HeaderField | undefined>(places).fill(undefined);
  }

  /** How many fields it holds. */
  get length(): number {
    return this.#length;
  }

  /** What its fields count for. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** How often it was changed: as long as this is the same, each index means the same. */
  get changes(): number {
    return this.#changes;
  }

  /** Gives a field, from 0 for the newest; undefined if it holds no such. */
  at(index: number): HeaderField | undefined {
    return index < this.#length ? this.#fields[this.#place(index)] : undefined;
  }

  /** Adds a field, and drops the oldest ones that have no place beside it; one too large drops all. */
  add(field: HeaderField): void {
    this.#changes += 1;
    this.#shrinkTo(this.#maxBytes - field.byteLength);
    if (field.byteLength > this.#maxBytes) return;
    this.#newest = (this.#newest + 1) % this.#fields.length;
    this.#fields[this.#newest] = field;
    this.#length += 1;
    this.#byteLength += field.byteLength;
  }

  /** Bounds it anew, at most at what it was made for, and drops the oldest fields beyond that. */
  resize(maxBytes: number): void {
    this.#changes += 1;
    this.#maxBytes = maxBytes;
    this.#shrinkTo(maxBytes);
  }

  #shrinkTo(byteLength: number): void {
    while (this.#length > 0 && this.#byteLength > byteLength) {
      this.#length -= 1;
      const oldest = this.#place(this.#length);
      this.#byteLength -= this.#fields[oldest]?.byteLength ?? 0;
      this.#fields[oldest] = undefined;
    }
  }

  #place(index: number): number {
    const place = this.#newest - index;
    return place < 0 ? place + this.#fields.length : place;
  }
}
