import { setImmediate } from "node:timers/promises";

/** For how long a queue may keep all else in the process waiting, in milliseconds. */
const MAX_BUSY_MS = 5;

/**
 * Runs one piece of work at a time, in the order in which they came.
 *
 * Work that never waits for the event loop, as SQLite's, does not starve it: between two
 * pieces the queue gives way now and then.
 */
export class Queue {
  #last: Promise<unknown> = Promise.resolve();
  #gaveWayAt = 0;

  /** Runs `work` once everything before it has ended, and gives its outcome. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(() => this.#runNext(work));
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #runNext<T>(work: () => Promise<T>): Promise<T> {
    if (performance.now() - this.#gaveWayAt > MAX_BUSY_MS) {
      await setImmediate();
      this.#gaveWayAt = performance.now();
    }
    return work();
  }
}

/** Runs one piece of work at a time for each key, and those of different keys at once. */
export class KeyedQueue {
  readonly #queues = new Map<string, { readonly queue: Queue; waiting: number }>();

  /** Runs `work` once everything before it under the same key has ended, and gives its outcome. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const entry = this.#queues.get(key) ?? { queue: new Queue(), waiting: 0 };
    this.#queues.set(key, entry);
    entry.waiting += 1;
    try {
      return await entry.queue.run(work);
    } finally {
      entry.waiting -= 1;
      if (entry.waiting === 0) this.#queues.delete(key);
    }
  }
}
