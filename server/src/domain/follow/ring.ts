import type { SessionFrame, StreamPosition } from "../session-frame.js";
import { measureFrame } from "./measure-frame.js";

/** The most that a ring holds. */
const MAX_ENTRIES = 256;
const MAX_BYTES = 256 * 1024;

/** How many bytes it holds for a moment, beside its newest frame, and for how many milliseconds. */
const MAX_PASSING_BYTES = 4 * 1024 * 1024;
const PASSING_MS = 100;

/** A frame for everybody who follows a session here, and how far who has it has come. */
export interface RingEntry {
  readonly frame: SessionFrame;
  readonly position: StreamPosition;
}

interface Measured extends RingEntry {
  readonly bytes: number;
}

/**
 * The newest frames of a session, for those who follow it here: at most 256 of them, and
 * 256 KiB. Each has an index, which rises by one; the oldest ones fall out.
 *
 * What is larger stays for a moment, so that those who are not behind take it from here,
 * once encoded for all, and do not each read it from the database.
 */
export class Ring {
  readonly #entries: (Measured | undefined)[] = [];
  #first = 0;
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  /** The index of the oldest entry that is held: who has not come so far has to look elsewhere. */
  get first(): number {
    return this.#first;
  }

  /** The index of the entry that comes next. */
  get next(): number {
    return this.#first + this.#entries.length;
  }

  /** Gives an entry; undefined if it fell out or was taken out. */
  at(index: number): RingEntry | undefined {
    return this.#entries[index - this.#first];
  }

  /** Adds a frame. */
  push(frame: SessionFrame, position: StreamPosition): void {
    const bytes = measureFrame(frame);
    this.#entries.push({ frame, position, bytes });
    this.#bytes += bytes;
    if (this.#entries.length > MAX_ENTRIES) this.#shift();
    while (this.#entries.length > 1 && this.#bytes > MAX_PASSING_BYTES) this.#shift();
    if (this.#bytes > MAX_BYTES)
      this.#timer ??= setTimeout(() => this.#settle(), PASSING_MS).unref();
  }

  /** Takes out what was written of a message: a newer frame has all of it. */
  dropDeltas(sequence: number): void {
    for (const [place, entry] of this.#entries.entries()) {
      if (entry?.frame.type !== "delta" || entry.frame.delta.sequence !== sequence) continue;
      this.#bytes -= entry.bytes;
      this.#entries[place] = undefined;
    }
  }

  #settle(): void {
    this.#timer = undefined;
    while (this.#bytes > MAX_BYTES) this.#shift();
  }

  #shift(): void {
    this.#bytes -= this.#entries.shift()?.bytes ?? 0;
    this.#first += 1;
  }
}
