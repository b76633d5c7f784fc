import type { Message } from "../model.js";
import type { Acknowledgement, WriteOutput } from "./write-input.js";

/**
 * The answers to one writer, given as fast as they are taken.
 *
 * It never holds more than two acknowledgements, the oldest and the newest, so that a
 * writer who does not read them costs nothing.
 */
export class Answers implements AsyncIterable<WriteOutput> {
  readonly #onReturn: () => void;
  readonly #outputs: WriteOutput[] = [];
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  /** `onReturn` is called when nobody takes answers any more. */
  constructor(onReturn: () => void) {
    this.#onReturn = onReturn;
  }

  /** Says what is durable. */
  acknowledge(acknowledgement: Acknowledgement): void {
    // The oldest stays: where it is the first, it says from where the writer goes on.
    if (this.#outputs.length > 1) this.#outputs.pop();
    this.#outputs.push({ type: "acknowledged", ...acknowledgement });
    this.#wake?.();
  }

  /** Ends the answers, with the message if it is finished. Does nothing if they have ended. */
  end(message: Message | undefined): void {
    if (this.#isOver) return;
    if (message !== undefined) this.#outputs.push({ type: "message", message });
    this.#isOver = true;
    this.#wake?.();
  }

  /** Ends the answers with an error. Does nothing if they have ended. */
  fail(error: unknown): void {
    if (this.#isOver) return;
    this.#failure = { error };
    this.end(undefined);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WriteOutput, void> {
    try {
      for (;;) {
        const output = this.#outputs.shift();
        if (output !== undefined) yield output;
        else if (this.#isOver) break;
        else await this.#news();
      }
      if (this.#failure !== undefined) throw this.#failure.error;
    } finally {
      this.#onReturn();
    }
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
