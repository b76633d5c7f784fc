import { setImmediate as nextTurn } from "node:timers/promises";
import type { Deadlines } from "./deadlines.js";

/** For how long a queue may keep all else in the process waiting, in milliseconds. */
const MAX_BUSY_MS = 5;

/**
 * Runs one piece of work at a time, in the order in which they came.
 *
 * Work that never waits for the event loop, as SQLite's, does not starve it: between two
 * pieces the queue gives way where the present turn of the loop has taken long.
 */
export class Queue {
  readonly #slot = new Slots(1);
  /** When the first work of the loop's present turn began; undefined before that. */
  #turnBeganAt: number | undefined;

  /** Runs `work` once everything before it has ended, and gives its outcome. */
  run<T>(work: () => Promise<T>): Promise<T> {
    return this.#slot.run(async () => {
      const beganAt = this.#turnBeganAt;
      if (beganAt !== undefined && performance.now() - beganAt > MAX_BUSY_MS) await nextTurn();
      this.#noteTurn();
      return work();
    });
  }

  #noteTurn(): void {
    if (this.#turnBeganAt !== undefined) return;
    this.#turnBeganAt = performance.now();
    setImmediate(() => {
      this.#turnBeganAt = undefined;
    });
  }
}

/** Runs no more than so many pieces of work at the same time, the others in the order in which they came. */
export class Slots {
  readonly #waiting = new Set<() => void>();
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  /**
   * Runs `work` when there is room for it, and gives its outcome.
   *
   * @throws StateError `unavailable` if there is none within the time that waits may last.
   */
  async run<T>(work: () => Promise<T>, waits?: Deadlines): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await this.#room(waits);
    try {
      return await work();
    } finally {
      const [next] = this.#waiting;
      if (next === undefined) this.#free += 1;
      else {
        this.#waiting.delete(next);
        next();
      }
    }
  }

  #room(waits: Deadlines | undefined): Promise<void> {
    let begin = () => {};
    const room = new Promise<void>((resolve) => {
      begin = resolve;
      this.#waiting.add(begin);
    });
    return waits?.within(room, () => this.#waiting.delete(begin)) ?? room;
  }
}

/** What waits under one key. */
interface Line {
  readonly waiting: (() => void)[];
  /** The work that came last. */
  last: object;
}

/** Runs one piece of work at a time for each key, and those of different keys at once. */
export class KeyedQueue {
  readonly #lines = new Map<string, Line>();

  /** Runs `work` once everything before it under the same key has ended, and gives its outcome. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    await this.#turn(key, work);
    try {
      return await work();
    } finally {
      this.#goOn(key);
    }
  }

  /** Whether work has not ended, and nothing has come after it under its key. */
  isLast(key: string, work: object): boolean {
    return this.#lines.get(key)?.last === work;
  }

  #turn(key: string, work: object): Promise<void> | undefined {
    const line = this.#lines.get(key);
    if (line === undefined) {
      this.#lines.set(key, { waiting: [], last: work });
      return undefined;
    }
    line.last = work;
    return new Promise((begin) => line.waiting.push(begin));
  }

  #goOn(key: string): void {
    const begin = this.#lines.get(key)?.waiting.shift();
    if (begin === undefined) this.#lines.delete(key);
    else begin();
  }
}
