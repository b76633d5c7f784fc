import { StateError } from "../errors.js";
import type { Logger } from "../log.js";

/** Says once that the database cannot be looked at, and once that it can be again. */
export class Outage {
  readonly #logger: Logger;
  #since: number | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** How long it has lasted, in milliseconds; undefined while there is none. */
  get ms(): number | undefined {
    return this.#since === undefined ? undefined : performance.now() - this.#since;
  }

  /** Notes a failure. */
  begin(error: unknown): void {
    if (this.#since !== undefined) return;
    this.#since = performance.now();
    const isExpected = error instanceof StateError && error.code === "unavailable";
    const log = isExpected ? this.#logger.warn : this.#logger.error;
    log.call(this.#logger, { err: error }, "sessions that are followed cannot be looked at");
  }

  /** Notes a success. */
  end(): void {
    if (this.#since === undefined) return;
    this.#since = undefined;
    this.#logger.info({}, "sessions that are followed can be looked at again");
  }
}
