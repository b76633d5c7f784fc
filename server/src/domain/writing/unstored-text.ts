import type { Part } from "../model.js";
import { measurePart } from "../new-message.js";
import type { WrittenText } from "../write-storage.js";

/** What was taken of a message and is not stored yet. */
export class UnstoredText {
  #texts: string[] = [];
  #parts: Part[] = [];
  #bytes = 0;
  #since: number | undefined;

  /** About how many bytes it is. */
  get bytes(): number {
    return this.#bytes;
  }

  /** When the first of it came, by `performance.now()`; undefined if there is nothing. */
  get since(): number | undefined {
    return this.#since;
  }

  /** Adds text of so many UTF-8 bytes. */
  addText(text: string, byteLength: number): void {
    this.#texts.push(text);
    this.#added(byteLength);
  }

  /** Adds a part. */
  addPart(part: Part): void {
    this.#parts.push(part);
    this.#added(measurePart(part));
  }

  /** Takes everything out. */
  take(): WrittenText {
    const written = { text: this.#texts.join(""), parts: this.#parts };
    this.#texts = [];
    this.#parts = [];
    this.#bytes = 0;
    this.#since = undefined;
    return written;
  }

  #added(bytes: number): void {
    this.#bytes += bytes;
    this.#since ??= performance.now();
  }
}
