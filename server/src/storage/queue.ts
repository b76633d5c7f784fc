/** Runs one piece of work at a time, in the order in which they came. */
export class Queue {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs `work` once everything before it has ended, and gives its outcome. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
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
