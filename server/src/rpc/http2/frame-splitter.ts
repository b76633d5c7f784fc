import { ConnectionError, ErrorCode, FRAME_HEADER_BYTES, FRAME_MAX_BYTES } from "./protocol.js";

/** One frame of a client. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  /** A view of all that came at once. */
  readonly payload: Buffer;
}

const NOTHING = Buffer.alloc(0);

/** Splits what comes on a connection into frames; it holds one that has not come to its end. */
export class FrameSplitter {
  /** What has come of a frame, in memory that has room for the whole of it once its length is known. */
  #partial = NOTHING;
  #filled = 0;

  /**
   * Calls `onFrame` for each frame that is complete with what has come next, as long as it gives
   * true.
   *
   * @throws ConnectionError FRAME_SIZE_ERROR if one is larger than was announced.
   */
  split(chunk: Buffer, onFrame: (frame: Frame) => boolean): void {
    let at = 0;
    while (this.#filled > 0 && at < chunk.length) {
      at += this.#fill(chunk, at);
      if (!this.#isComplete) continue;
      const frame = toFrame(this.#partial, 0, this.#partial.length);
      this.#partial = NOTHING;
      this.#filled = 0;
      if (!onFrame(frame)) return;
    }
    while (chunk.length - at >= FRAME_HEADER_BYTES) {
      const end = at + FRAME_HEADER_BYTES + lengthOf(chunk, at);
      if (end > chunk.length) break;
      if (!onFrame(toFrame(chunk, at, end))) return;
      at = end;
    }
    if (at < chunk.length) this.#keep(chunk, at);
  }

  get #isComplete(): boolean {
    const { length } = this.#partial;
    return length > FRAME_HEADER_BYTES ? this.#filled === length : this.#isEmptyFrame;
  }

  get #isEmptyFrame(): boolean {
    return this.#filled === FRAME_HEADER_BYTES && lengthOf(this.#partial, 0) === 0;
  }

  #keep(chunk: Buffer, at: number): void {
    this.#partial = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
    this.#fill(chunk, at);
    if (this.#filled === FRAME_HEADER_BYTES) this.#fill(chunk, at + FRAME_HEADER_BYTES);
  }

  /** Takes what the header lacks or, once that is there, the payload, and gives how much it took. */
  #fill(chunk: Buffer, at: number): number {
    const taken = chunk.copy(this.#partial, this.#filled, at);
    this.#filled += taken;
    if (this.#filled === FRAME_HEADER_BYTES) this.#makeRoom();
    return taken;
  }

  #makeRoom(): void {
    const whole = Buffer.allocUnsafe(FRAME_HEADER_BYTES + lengthOf(this.#partial, 0));
    this.#partial.copy(whole);
    this.#partial = whole;
  }
}

/** Reads the length of a payload: three bytes. */
function lengthOf(bytes: Buffer, at: number): number {
  const length = bytes.readUIntBE(at, 3);
  if (length <= FRAME_MAX_BYTES) return length;
  throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "a frame is larger than was announced");
}

function toFrame(bytes: Buffer, at: number, end: number): Frame {
  return {
    type: bytes[at + 3] ?? 0,
    flags: bytes[at + 4] ?? 0,
    streamId: bytes.readUInt32BE(at + 5) & 0x7fffffff,
    payload: bytes.subarray(at + FRAME_HEADER_BYTES, end),
  };
}
