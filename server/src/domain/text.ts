/** A text, decoded or as bytes. */
export type Text = string | Utf8Text;

/**
 * A text as its UTF-8 bytes, which are a part of others: for what is passed on as it came, so
 * that it is decoded only where somebody looks at it.
 *
 * The bytes must not change as long as it is used.
 */
export class Utf8Text {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;

  constructor(bytes: Buffer, start: number, end: number) {
    this.bytes = bytes;
    this.start = start;
    this.end = end;
  }

  /** How many bytes it has. */
  get length(): number {
    return this.end - this.start;
  }

  /** Decodes it. */
  toString(): string {
    return this.bytes.toString("utf8", this.start, this.end);
  }
}
