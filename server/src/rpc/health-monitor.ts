import type { Logger } from "../domain/log.js";
import type { HealthState } from "./health.js";

/** What a {@link HealthMonitor} watches, and whom it tells. */
export interface HealthMonitorOptions {
  /** Returns if the database answers. */
  readonly ping: () => Promise<void>;
  readonly health: HealthState;
  readonly logger: Logger;
  /** How often to ask, and how long an answer may take, in milliseconds. */
  readonly intervalMs?: number;
}

const DEFAULT_INTERVAL_MS = 2_000;

/**
 * Keeps the health state true to whether the database answers.
 *
 * It asks again and again, one question at a time; one that is not answered within the
 * interval counts as failed until it is answered.
 */
export class HealthMonitor {
  readonly #options: HealthMonitorOptions;
  readonly #timer: NodeJS.Timeout;
  #pending: Promise<void> | undefined;
  #stopped = false;

  constructor(options: HealthMonitorOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#tick(), options.intervalMs ?? DEFAULT_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Stops asking, and leaves the health state alone from now on. */
  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
  }

  #tick(): void {
    if (this.#pending !== undefined) {
      this.#report(false, new Error("the last question is still unanswered"));
      return;
    }
    this.#pending = this.#options
      .ping()
      .then(
        () => this.#report(true),
        (error: unknown) => this.#report(false, error),
      )
      .finally(() => {
        this.#pending = undefined;
      });
  }

  #report(answers: boolean, error?: unknown): void {
    const { health, logger } = this.#options;
    if (this.#stopped || health.serving === answers) return;
    health.set(answers);
    if (answers) logger.info({}, "the database answers again");
    else logger.warn({ err: error }, "the database does not answer");
  }
}
