import { HeaderBlockError } from "./header-block-error.js";
import { decodeHuffman } from "./huffman.js";

const HUFFMAN = 0x80;
const LENGTH_MASK = 0x7f;

/** How many bytes an integer may have after its first: enough for 32 bits. */
const MAX_MORE_BYTES = 5;

/** Reads the integers and strings of a header block: https://www.rfc-editor.org/rfc/rfc7541#section-5 */
export class BlockReader {
  readonly #block: Buffer;
  #position = 0;

  constructor(block: Buffer) {
    this.#block = block;
  }

  /** Whether anything is left. */
  get hasMore(): boolean {
    return this.#position < this.#block.length;
  }

  /**
   * Gives the next byte, and leaves it to be read.
   *
   * @throws HeaderBlockError if the block has ended.
   */
  peek(): number {
    const byte = this.#block[this.#position];
    if (byte === undefined) throw new HeaderBlockError("the block ends within a field");
    return byte;
  }

  /**
   * Reads an integer that begins in those bits of the next byte that `mask` has.
   *
   * @throws HeaderBlockError if the block ends within it, or it is longer than any that can be meant.
   */
  readInteger(mask: number): number {
    const first = this.#readByte() & mask;
    return first < mask ? first : first + this.#readMore();
  }

  /**
   * Reads a string, as Latin-1.
   *
   * @throws HeaderBlockError if the block ends within it, or it is not coded as it must be.
   */
  readString(): string {
    const isHuffman = (this.peek() & HUFFMAN) !== 0;
    const length = this.readInteger(LENGTH_MASK);
    const start = this.#position;
    const end = start + length;
    if (end > this.#block.length) throw new HeaderBlockError("the block ends within a string");
    this.#position = end;
    return isHuffman
      ? decodeHuffman(this.#block, start, end)
      : this.#block.toString("latin1", start, end);
  }

  #readMore(): number {
    let more = 0;
    let weight = 1;
    for (let bytes = 0; bytes < MAX_MORE_BYTES; bytes += 1) {
      const byte = this.#readByte();
      more += (byte & 0x7f) * weight;
      if (byte < 0x80) return more;
      weight *= 0x80;
    }
    throw new HeaderBlockError("an integer is longer than any that can be meant");
  }

  #readByte(): number {
    const byte = this.peek();
    this.#position += 1;
    return byte;
  }
}
