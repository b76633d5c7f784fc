import { StateError } from "../errors.js";
import type { Logger } from "../log.js";

/** Says once that something cannot be looked at in the database, and once that it can be again. */
export class Outage {
  readonly #logger: Logger;
  readonly #subject: string;
  #since: number | undefined;
  #cause: unknown;

  /** `subject` is what is looked at, as the log calls it. */
  constructor(logger: Logger, subject: string) {
    this.#logger = logger;
    this.#subject = subject;
  }

  /** How long it has lasted, in milliseconds; undefined while there is none. */
  get ms(): number | undefined {
    return this.#since === undefined ? undefined : performance.now() - this.#since;
  }

  /** What failed last. */
  get cause(): unknown {
    return this.#cause;
  }

  /** Notes a failure. */
  begin(error: unknown): void {
    this.#cause = error;
    if (this.#since !== undefined) return;
    this.#since = performance.now();
    const isExpected = error instanceof StateError && error.code === "unavailable";
    const log = isExpected ? this.#logger.warn : this.#logger.error;
    log.call(this.#logger, { err: error }, `${this.#subject} cannot be looked at`);
  }

  /** Notes a success. */
  end(): void {
    if (this.#since === undefined) return;
    this.#since = undefined;
    this.#logger.info({}, `${this.#subject} can be looked at again`);
  }
}
