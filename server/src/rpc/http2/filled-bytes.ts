/** How much memory is taken before as much has come. */
const FIRST_CAPACITY_BYTES = 64 * 1024;

/** Bytes of a known number that come in parts: it holds at most 64 KiB or twice what has come. */
export class FilledBytes {
  readonly #byteLength: number;
  #filled = 0;
  #bytes: Buffer;

  constructor(byteLength: number) {
    this.#byteLength = byteLength;
    this.#bytes = Buffer.allocUnsafe(Math.min(byteLength, FIRST_CAPACITY_BYTES));
  }

  /** Whether all have come. */
  get isFull(): boolean {
    return this.#filled === this.#byteLength;
  }

  /** All of them, once it is full. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** Takes what it lacks of what lies between two places, and gives how much it took. */
  fill(chunk: Buffer, start: number, end: number): number {
    const taken = Math.min(end - start, this.#byteLength - this.#filled);
    this.#makeRoom(this.#filled + taken);
    chunk.copy(this.#bytes, this.#filled, start, start + taken);
    this.#filled += taken;
    return taken;
  }

  #makeRoom(byteLength: number): void {
    if (byteLength <= this.#bytes.byteLength) return;
    const capacity = Math.min(this.#byteLength, Math.max(byteLength, 2 * this.#bytes.byteLength));
    const larger = Buffer.allocUnsafe(capacity);
    this.#bytes.copy(larger, 0, 0, this.#filled);
    this.#bytes = larger;
  }
}
