/** About how many bytes they take beside what they are encoded to, and each of them. */
const OVERHEAD_BYTES = 256;
const INDEX_BYTES = 16;

/** Messages of a session in the order of their sequences, encoded as they are sent. */
export class EncodedMessages {
  /** Of the messages, one after the other. */
  readonly #bytes: Uint8Array;
  readonly #sequences: readonly number[];
  /** Where each of them ends in the bytes. */
  readonly #ends: readonly number[];

  constructor(bytes: Uint8Array, sequences: readonly number[], ends: readonly number[]) {
    this.#bytes = bytes;
    this.#sequences = sequences;
    this.#ends = ends;
  }

  /** How many there are. */
  get length(): number {
    return this.#sequences.length;
  }

  /** About how many bytes they take in memory. */
  get size(): number {
    return OVERHEAD_BYTES + this.#bytes.length + this.length * INDEX_BYTES;
  }

  /** The sequence of the message at an index. */
  sequenceAt(index: number): number {
    return this.#sequences[index] ?? 0;
  }

  /** How many bytes the message at an index takes. */
  bytesAt(index: number): number {
    return this.#start(index + 1) - this.#start(index);
  }

  /** Gives the index of the first message after a sequence. */
  indexAfter(sequence: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.sequenceAt(middle) > sequence) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Gives the bytes of the messages from one index to another: a view. */
  bytes(start: number, end: number): Uint8Array {
    return this.#bytes.subarray(this.#start(start), this.#start(end));
  }

  /** Gives the messages from one index to another, in memory of their own. */
  slice(start: number, end: number): EncodedMessages {
    const offset = this.#start(start);
    const ends = this.#ends.slice(start, end).map((value) => value - offset);
    const bytes = new Uint8Array(this.bytes(start, end));
    return new EncodedMessages(bytes, this.#sequences.slice(start, end), ends);
  }

  /** Gives these messages followed by others, in memory of their own. */
  concat(others: EncodedMessages): EncodedMessages {
    const bytes = new Uint8Array(this.#bytes.length + others.#bytes.length);
    bytes.set(this.#bytes);
    bytes.set(others.#bytes, this.#bytes.length);
    const ends = others.#ends.map((value) => value + this.#bytes.length);
    const sequences = [...this.#sequences, ...others.#sequences];
    return new EncodedMessages(bytes, sequences, [...this.#ends, ...ends]);
  }

  #start(index: number): number {
    return this.#ends[index - 1] ?? 0;
  }
}
