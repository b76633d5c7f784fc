import type { Limits } from "../limits.js";
import type { Storage } from "../storage.js";
import type { WriteInput, WriteOutput } from "./write-input.js";
import { WriteStream } from "./write-stream.js";
import type { WritingEnvironment, WritingOptions } from "./writing-environment.js";

/** The rules of messages that are written piece by piece. */
export class Writes {
  readonly #environment: WritingEnvironment;
  readonly #running = new Set<Promise<void>>();

  constructor(storage: Storage, limits: Limits, options: WritingOptions) {
    this.#environment = { ...options, storage, limits };
  }

  /**
   * Carries out the requests of one writer, and gives the answers: `start` first, then what
   * it adds, then `finish`, or the end of the requests, which interrupts the message.
   *
   * What was taken is stored from time to time and then acknowledged. When the signal is
   * aborted, or the answers are no longer taken, what was taken is stored in the
   * background, and any writer may go on with the message.
   *
   * @throws StateError `invalid_argument` or `resource_exhausted` for what is wrong with a request.
   * @throws StateError `aborted` OFFSET_MISMATCH for an addition that does not fit to what is there.
   * @throws StateError as {@link WriteStorage} does.
   */
  write(
    tenantId: string,
    requests: AsyncIterable<WriteInput>,
    signal: AbortSignal,
  ): AsyncIterable<WriteOutput> {
    const stream = new WriteStream(this.#environment, { tenantId, signal }, requests);
    const running = stream.run().finally(() => this.#running.delete(running));
    this.#running.add(running);
    return stream.answers;
  }

  /** Waits until every writer whose stream has ended has stored what it took. */
  async close(): Promise<void> {
    await Promise.all(this.#running);
  }
}
