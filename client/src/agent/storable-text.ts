import { storable } from "./storable.js";

/** Makes a text that comes in pieces one that the store takes; a character may be cut in two. */
export class StorableText {
  /** The first half of a surrogate pair, which waits for its second half. */
  #half = "";

  /** Takes a piece, and gives the text that is whole with it. */
  take(piece: string): string {
    const text = this.#half + piece;
    const length = /[\ud800-\udbff]$/.test(text) ? text.length - 1 : text.length;
    this.#half = text.slice(length);
    return storable(text.slice(0, length));
  }

  /** Gives what is left when there is no more. */
  end(): string {
    const half = this.#half;
    this.#half = "";
    return storable(half);
  }
}
