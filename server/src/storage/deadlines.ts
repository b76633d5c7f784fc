import { unavailable } from "./failures.js";

/** A wait that has not ended. */
interface Wait {
  readonly endsAt: number;
  /** Ends it without its outcome. */
  expire(): void;
}

/**
 * Ends waits that take too long. All of them may last equally long, so that one timer does
 * for any number: a timer for each costs as much as a short read.
 */
export class Deadlines {
  readonly #ms: number;
  readonly #message: string;
  /** In the order in which they end. */
  readonly #waits = new Set<Wait>();
  #timer: NodeJS.Timeout | undefined;

  /** Each wait may last `ms` milliseconds; `message` tells of one that lasted longer. */
  constructor(ms: number, message = "the database does not answer: try again") {
    this.#ms = ms;
    this.#message = message;
  }

  /** Gives a promise's outcome, or when the time is over calls `onTimeout` and throws `unavailable`. */
  within<T>(promise: Promise<T>, onTimeout: () => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const wait: Wait = {
        endsAt: performance.now() + this.#ms,
        expire: () => {
          onTimeout();
          reject(unavailable(this.#message, undefined));
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
