import { FRAME_MAX_BYTES } from "../history-frames.js";
import type { EncodedMessages } from "./encoded-messages.js";

/** Some messages of those that were encoded together: from one index to another. */
export interface EncodedRun {
  readonly messages: EncodedMessages;
  readonly start: number;
  readonly end: number;
}

/** What one frame brings. */
export interface EncodedBatch {
  readonly slices: readonly Uint8Array[];
  /** The last message's. */
  readonly sequence: number;
}

/** Cuts encoded messages into frames, as `FrameCutter` cuts messages. */
export class EncodedFrameCutter {
  readonly #maxMessages: number;
  readonly #firstFrames: number[];
  #slices: Uint8Array[] = [];
  #count = 0;
  #bytes = 0;
  #sequence = 0;

  /** The first frames hold no more than `firstFrames` says, one by one. */
  constructor(maxMessages: number, firstFrames: readonly number[]) {
    this.#maxMessages = maxMessages;
    this.#firstFrames = [...firstFrames];
  }

  /** Takes messages, and gives the frames that are full. */
  *cut({ messages, start, end }: EncodedRun): Generator<EncodedBatch, void> {
    let from = start;
    for (let index = start; index < end; index++) {
      const bytes = messages.bytesAt(index);
      if (this.#count > 0 && this.#bytes + bytes > FRAME_MAX_BYTES) {
        yield this.#take(messages, from, index);
        from = index;
      }
      this.#count += 1;
      this.#bytes += bytes;
      this.#sequence = messages.sequenceAt(index);
      if (this.#count >= this.#limit) {
        yield this.#take(messages, from, index + 1);
        from = index + 1;
      }
    }
    this.#add(messages, from, end);
  }

  /** Gives the frame that is not full, unless it is empty. */
  rest(): EncodedBatch | undefined {
    const { length } = this.#slices;
    return length === 0 ? undefined : { slices: this.#slices, sequence: this.#sequence };
  }

  get #limit(): number {
    return Math.min(this.#firstFrames[0] ?? this.#maxMessages, this.#maxMessages);
  }

  #add(messages: EncodedMessages, from: number, to: number): void {
    if (from < to) this.#slices.push(messages.bytes(from, to));
  }

  #take(messages: EncodedMessages, from: number, to: number): EncodedBatch {
    this.#add(messages, from, to);
    const batch = { slices: this.#slices, sequence: this.#sequence };
    this.#slices = [];
    this.#count = 0;
    this.#bytes = 0;
    this.#firstFrames.shift();
    return batch;
  }
}
