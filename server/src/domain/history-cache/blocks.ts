import type { EncodedMessages } from "./encoded-messages.js";

/** Up to which size blocks that follow one another become one, in bytes. */
const MERGED_BYTES = 64 * 1024;

/** All messages that a session has after one sequence and up to another. */
export interface Block {
  readonly after: number;
  readonly through: number;
  readonly messages: EncodedMessages;
}

/** Parts of a session's history, which do not overlap. */
export class Blocks {
  /** In the order of their sequences. */
  readonly #blocks: Block[] = [];
  #size = 0;

  /** About how many bytes they take. */
  get size(): number {
    return this.#size;
  }

  /** Gives the block that has what follows a sequence. */
  find(sequence: number): Block | undefined {
    const block = this.#blocks[this.#indexAfter(sequence) - 1];
    return block !== undefined && sequence < block.through ? block : undefined;
  }

  /** Gives the sequence after which the first block begins that lies behind a sequence. */
  nextAfter(sequence: number): number {
    return this.#blocks[this.#indexAfter(sequence)]?.after ?? Number.POSITIVE_INFINITY;
  }

  /**
   * Gives the sequence of the newest message but `count` up to a sequence, if the blocks
   * tell; 0 for none.
   */
  sequenceBeforeLast(count: number, upToSequence: number): number | undefined {
    let left = count;
    let end = upToSequence;
    for (let index = this.#indexAfter(end - 1) - 1; end > 0; index--) {
      const block = this.#blocks[index];
      if (block === undefined || block.through < end) return undefined;
      const length = block.messages.indexAfter(end);
      if (length > left) return block.messages.sequenceAt(length - 1 - left);
      left -= length;
      end = block.after;
    }
    return 0;
  }

  /** Adds a block, unless there is something of it already. */
  add(block: Block): void {
    const index = this.#indexAfter(block.after);
    const before = this.#blocks[index - 1];
    const next = this.#blocks[index];
    if (before !== undefined && before.through > block.after) return;
    if (next !== undefined && next.after < block.through) return;
    if (before?.through === block.after && isSmall(before, block)) {
      const messages = before.messages.concat(block.messages);
      this.#replace(index - 1, 1, { after: before.after, through: block.through, messages });
    } else {
      this.#replace(index, 0, block);
    }
  }

  /** Removes a message. */
  removeMessage(sequence: number): void {
    const index = this.#indexAfter(sequence - 1) - 1;
    const block = this.#blocks[index];
    if (block === undefined || block.through < sequence) return;
    const { after, through, messages } = block;
    const [start, end] = [messages.indexAfter(sequence - 1), messages.indexAfter(sequence)];
    const left = { after, through: sequence - 1, messages: messages.slice(0, start) };
    const right = { after: sequence, through, messages: messages.slice(end, messages.length) };
    this.#replace(index, 1, ...[left, right].filter((part) => part.after < part.through));
  }

  /** Removes all messages after a sequence. */
  removeAfter(sequence: number): void {
    const index = this.#indexAfter(sequence);
    this.#replace(index, this.#blocks.length - index);
    const last = this.#blocks[index - 1];
    if (last === undefined || last.through <= sequence) return;
    const messages = last.messages.slice(0, last.messages.indexAfter(sequence));
    const rest = { after: last.after, through: sequence, messages };
    this.#replace(index - 1, 1, ...[rest].filter((part) => part.after < part.through));
  }

  /** Removes the block with the oldest messages. */
  removeOldest(): void {
    this.#replace(0, 1);
  }

  #replace(index: number, count: number, ...blocks: readonly Block[]): void {
    for (const { messages } of this.#blocks.splice(index, count, ...blocks)) {
      this.#size -= messages.size;
    }
    for (const { messages } of blocks) this.#size += messages.size;
  }

  /** Gives the index of the first block that begins after a sequence. */
  #indexAfter(sequence: number): number {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#blocks[middle]?.after ?? 0) > sequence) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

function isSmall(one: Block, other: Block): boolean {
  return one.messages.size + other.messages.size <= MERGED_BYTES;
}
