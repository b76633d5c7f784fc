import { PREFACE, protocolError } from "./protocol.js";

/** Sees that a client begins with what every client of HTTP/2 begins with. */
export class Preface {
  #taken = 0;

  /**
   * Gives what of a chunk comes after it.
   *
   * @throws ConnectionError PROTOCOL_ERROR if the client begins otherwise.
   */
  strip(chunk: Buffer): Buffer {
    if (this.#taken === PREFACE.length) return chunk;
    const taken = Math.min(chunk.length, PREFACE.length - this.#taken);
    const expected = PREFACE.subarray(this.#taken, this.#taken + taken);
    if (!chunk.subarray(0, taken).equals(expected)) {
      throw protocolError("the client does not speak HTTP/2");
    }
    this.#taken += taken;
    return chunk.subarray(taken);
  }
}
