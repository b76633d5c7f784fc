import { ModelError } from "./model-error.js";

/**
 * An answer as it comes. Unlike a generator, which hears of it at its next piece only, it ends
 * the turn at once when its reader leaves.
 */
export class ReplyStream implements AsyncGenerator<string, void> {
  readonly #pieces: AsyncGenerator<string, void>;
  readonly #cancel: () => void;
  #isLeft = false;

  /** `cancel` ends the turn that gives the pieces; it does nothing once that has ended. */
  constructor(pieces: AsyncGenerator<string, void>, cancel: () => void) {
    this.#pieces = pieces;
    this.#cancel = cancel;
  }

  async next(): Promise<IteratorResult<string, void>> {
    try {
      return await this.#pieces.next();
    } catch (error) {
      // Who has left wants no more pieces, and no error of having left.
      const isOwn = this.#isLeft && error instanceof ModelError && error.status === "cancelled";
      if (!isOwn) throw error;
      return { done: true, value: undefined };
    }
  }

  return(): Promise<IteratorResult<string, void>> {
    this.#isLeft = true;
    this.#cancel();
    return this.#pieces.return();
  }

  async throw(error: unknown): Promise<IteratorResult<string, void>> {
    await this.return();
    throw error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
