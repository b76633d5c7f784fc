import { FilledBytes } from "./filled-bytes.js";
import { ConnectionError, ErrorCode, FRAME_HEADER_BYTES, FRAME_MAX_BYTES } from "./protocol.js";

/** One frame of a client. */
export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  /** A view of all that came at once. */
  readonly payload: Buffer;
}

/** Splits what comes on a connection into frames; it holds one that has not come to its end. */
export class FrameSplitter {
  #partial: PartialFrame | undefined;

  /**
   * Calls `onFrame` for each frame that is complete with what has come next, as long as it gives
   * true.
   *
   * @throws ConnectionError FRAME_SIZE_ERROR if one is larger than was announced.
   */
  split(chunk: Buffer, onFrame: (frame: Frame) => boolean): void {
    let at = 0;
    if (this.#partial !== undefined) {
      at = this.#partial.fill(chunk, at);
      const { frame } = this.#partial;
      if (frame === undefined) return;
      this.#partial = undefined;
      if (!onFrame(frame)) return;
    }
    while (chunk.length - at >= FRAME_HEADER_BYTES) {
      const payloadStart = at + FRAME_HEADER_BYTES;
      const end = payloadStart + lengthOf(chunk, at);
      if (end > chunk.length) break;
      if (!onFrame(toFrame(chunk, at, chunk.subarray(payloadStart, end)))) return;
      at = end;
    }
    if (at === chunk.length) return;
    this.#partial = new PartialFrame();
    this.#partial.fill(chunk, at);
  }
}

/** A frame that comes in several parts. */
class PartialFrame {
  readonly #header = new FilledBytes(FRAME_HEADER_BYTES);
  /** Undefined until its length is known. */
  #payload: FilledBytes | undefined;

  /** The frame, once it is complete. */
  get frame(): Frame | undefined {
    return this.#payload?.isFull ? toFrame(this.#header.bytes, 0, this.#payload.bytes) : undefined;
  }

  /** Takes what it lacks of what begins at a place, and gives where the rest begins. */
  fill(chunk: Buffer, at: number): number {
    const payloadStart = at + this.#header.fill(chunk, at, chunk.length);
    if (!this.#header.isFull) return payloadStart;
    this.#payload ??= new FilledBytes(lengthOf(this.#header.bytes, 0));
    return payloadStart + this.#payload.fill(chunk, payloadStart, chunk.length);
  }
}

/** Reads the length of a payload: three bytes. */
function lengthOf(bytes: Buffer, at: number): number {
  const length = bytes.readUIntBE(at, 3);
  if (length <= FRAME_MAX_BYTES) return length;
  throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "a frame is larger than was announced");
}

function toFrame(header: Buffer, at: number, payload: Buffer): Frame {
  return {
    type: header[at + 3] ?? 0,
    flags: header[at + 4] ?? 0,
    streamId: header.readUInt32BE(at + 5) & 0x7fffffff,
    payload,
  };
}
