/** A set that forgets the oldest of its values when it has too many. */
export class BoundedSet<T> {
  readonly #maxSize: number;
  readonly #values = new Set<T>();

  constructor(maxSize: number) {
    this.#maxSize = maxSize;
  }

  has(value: T): boolean {
    return this.#values.has(value);
  }

  /** Adds a value, which is the newest from then on. */
  add(value: T): void {
    this.#values.delete(value);
    this.#values.add(value);
    if (this.#values.size <= this.#maxSize) return;
    const [oldest] = this.#values;
    if (oldest !== undefined) this.#values.delete(oldest);
  }
}
