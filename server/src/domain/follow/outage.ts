import { StateError } from "../errors.js";
import type { Logger } from "../log.js";

/** Says once that the database cannot be looked at, and once that it can be again. */
export class Outage {
  readonly #logger: Logger;
  #isOn = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Notes a failure. */
  begin(error: unknown): void {
    if (this.#isOn) return;
    this.#isOn = true;
    const isExpected = error instanceof StateError && error.code === "unavailable";
    const log = isExpected ? this.#logger.warn : this.#logger.error;
    log.call(this.#logger, { err: error }, "sessions that are followed cannot be looked at");
  }

  /** Notes a success. */
  end(): void {
    if (!this.#isOn) return;
    this.#isOn = false;
    this.#logger.info({}, "sessions that are followed can be looked at again");
  }
}
