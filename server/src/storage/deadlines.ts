import { unavailable } from "./failures.js";

/** A wait that has not ended. */
interface Wait {
  readonly endsAt: number;
  /** Ends it without its outcome. */
  expire(): void;
}

/**
 * Ends waits for a database that does not answer. All of them may last equally long, so that
 * one timer does for any number: a timer for each costs as much as a short read.
 */
export class Deadlines {
  readonly #ms: number;
  /** In the order in which they end. */
  readonly #waits = new Set<Wait>();
  #timer: NodeJS.Timeout | undefined;

  /** Each wait may last `ms` milliseconds. */
  constructor(ms: number) {
    this.#ms = ms;
  }

  /** Gives a promise's outcome, or when the time is over calls `onTimeout` and throws `unavailable`. */
  within<T>(promise: Promise<T>, onTimeout: () => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const wait: Wait = {
        endsAt: performance.now() + this.#ms,
        expire() {
          onTimeout();
          reject(unavailable("the database does not answer: try again", undefined));
        },
      };
      this.#waits.add(wait);
      if (this.#timer === undefined) this.#wakeAfter(this.#ms);
      promise.then(
        (value) => {
          this.#waits.delete(wait);
          resolve(value);
        },
        (error: unknown) => {
          this.#waits.delete(wait);
          reject(error);
        },
      );
    });
  }

  #wakeAfter(ms: number): void {
    // It is left running when its wait has ended: that must not keep the process alive.
    this.#timer = setTimeout(() => this.#expire(), ms).unref();
  }

  #expire(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const wait of this.#waits) {
      if (wait.endsAt > now) {
        this.#wakeAfter(wait.endsAt - now);
        return;
      }
      this.#waits.delete(wait);
      wait.expire();
    }
  }
}
