import type { SessionFrame, StreamPosition } from "../session-frame.js";
import { measureFrame } from "./measure-frame.js";

/** The most that a ring holds. */
const MAX_ENTRIES = 256;
const MAX_BYTES = 256 * 1024;

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
 */
export class Ring {
  readonly #entries: (Measured | undefined)[] = [];
  #first = 0;
  #bytes = 0;

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

  /** Adds a frame. One that is larger than the ring empties it, and is not held itself. */
  push(frame: SessionFrame, position: StreamPosition): void {
    const bytes = measureFrame(frame);
    this.#entries.push({ frame, position, bytes });
    this.#bytes += bytes;
    while (this.#entries.length > MAX_ENTRIES || this.#bytes > MAX_BYTES) {
      this.#bytes -= this.#entries.shift()?.bytes ?? 0;
      this.#first += 1;
    }
  }

  /** Takes out what was written of a message: a newer frame has all of it. */
  dropDeltas(sequence: number): void {
    for (const [place, entry] of this.#entries.entries()) {
      if (entry?.frame.type !== "delta" || entry.frame.delta.sequence !== sequence) continue;
      this.#bytes -= entry.bytes;
      this.#entries[place] = undefined;
    }
  }
}
