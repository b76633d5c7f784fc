import type { Logger } from "../log.js";
import type { WriteStorage } from "../write-storage.js";

/** What a {@link LeaseSweeper} looks through, and how often. */
export interface LeaseSweeperOptions {
  readonly writes: Pick<WriteStorage, "interruptExpired">;
  readonly intervalMs: number;
  readonly logger: Logger;
}

const MIN_INTERVAL_MS = 50;
const MAX_INTERVAL_MS = 1_000;

/** Gives how often to look for leases of a length that have run out, in milliseconds. */
export function toSweepInterval(leaseMs: number): number {
  return Math.min(Math.max(leaseMs / 10, MIN_INTERVAL_MS), MAX_INTERVAL_MS);
}

/**
 * Makes messages `interrupted` whose writers are not heard of any more.
 *
 * It looks again and again, once at a time. While the database does not answer it goes on,
 * and says so in the log once.
 */
export class LeaseSweeper {
  readonly #options: LeaseSweeperOptions;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  #isFailing = false;

  constructor(options: LeaseSweeperOptions) {
    this.#options = options;
    this.#rest();
  }

  /** Stops looking; a look that is under way ends by itself. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #rest(): void {
    if (this.#isStopped) return;
    this.#timer = setTimeout(() => void this.#sweep(), this.#options.intervalMs);
    this.#timer.unref();
  }

  async #sweep(): Promise<void> {
    const { writes, logger } = this.#options;
    try {
      await writes.interruptExpired();
      if (this.#isFailing) logger.info({}, "messages whose writers are gone are interrupted again");
      this.#isFailing = false;
    } catch (error) {
      this.#report(error);
    }
    this.#rest();
  }

  #report(error: unknown): void {
    if (this.#isFailing || this.#isStopped) return;
    this.#isFailing = true;
    const message = "messages whose writers are gone cannot be interrupted now";
    this.#options.logger.warn({ err: error }, message);
  }
}
