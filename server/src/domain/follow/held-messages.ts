import type { Change } from "../change-storage.js";
import type { Extent, Message } from "../model.js";
import type { FrameDelta } from "../session-frame.js";
import { extentOf } from "./writing.js";

/**
 * What a follower has to remember of the messages that it was given: how much it holds of
 * those that are being written, and which were newer than the place where it read them.
 */
export class HeldMessages {
  readonly #includeDeltas: boolean;
  readonly #written = new Map<number, Extent>();
  readonly #newer = new Map<number, number>();
  #readRevision = 0;
  #writtenRevision = 0;

  constructor(includeDeltas: boolean) {
    this.#includeDeltas = includeDeltas;
  }

  /** The newest revision of what was read of a message that is being written; 0 for none. */
  get writtenRevision(): number {
    return this.#writtenRevision;
  }

  /** Forgets everything, before a reading of what there was at a revision. */
  clear(readRevision: number): void {
    this.#written.clear();
    this.#newer.clear();
    this.#readRevision = readRevision;
    this.#writtenRevision = 0;
  }

  /** Tells whether the follower holds a message that is being written. */
  isWritten(sequence: number): boolean {
    return this.#written.has(sequence);
  }

  /** Notes that the follower has read a message, which may be newer than the reading. */
  read(message: Message): void {
    const { sequence, revision } = message;
    this.take(message);
    if (revision > this.#readRevision) this.#newer.set(sequence, revision);
    if (!this.#written.has(sequence)) return;
    this.#writtenRevision = Math.max(this.#writtenRevision, revision);
  }

  /** Notes that the follower is given a message. */
  take(message: Message): void {
    if (!this.#includeDeltas) return;
    if (message.status === "streaming") this.#written.set(message.sequence, extentOf(message));
    else this.#written.delete(message.sequence);
  }

  /** Notes that the follower is given a change, unless it was given its result before. */
  change(change: Change): boolean {
    if (change.type !== "message_updated") return true;
    const { sequence, revision } = change.message;
    if (revision <= (this.#newer.get(sequence) ?? 0)) return false;
    this.take(change.message);
    return true;
  }

  /** Notes that the follower is given more of a message, unless it has that already. */
  extend(delta: FrameDelta): boolean {
    const held = this.#written.get(delta.sequence);
    if (held === undefined) return false;
    const extent = extend(held, delta);
    if (extent === undefined) return false;
    this.#written.set(delta.sequence, extent);
    return true;
  }
}

/** Gives what there is with a delta; undefined if it adds nothing, or leaves something out. */
function extend(held: Extent, delta: FrameDelta): Extent | undefined {
  if (delta.type === "text") {
    const end = delta.offset + Buffer.byteLength(delta.text);
    return delta.offset <= held.offset && end > held.offset ? { ...held, offset: end } : undefined;
  }
  const isNext = delta.partIndex === held.partCount;
  return isNext ? { ...held, partCount: held.partCount + 1 } : undefined;
}
