import type { Frame } from "./frame-splitter.js";
import { ConnectionError, ErrorCode, Flag, FrameType, protocolError } from "./protocol.js";

/** How many bytes a block of headers may have as it is sent. */
const MAX_BLOCK_BYTES = 256 * 1024;

/** In how many frames it may come: more would be work without an end. */
const MAX_FRAMES = 64;

const PRIORITY_BYTES = 5;

/** The headers of a stream, as they are sent. */
export interface HeaderBlock {
  readonly streamId: number;
  /** Whether the client sends nothing else on the stream. */
  readonly isLast: boolean;
  readonly bytes: Buffer;
}

/** Puts blocks of headers together, which come in HEADERS and as many CONTINUATION as it takes. */
export class HeaderBlocks {
  #begun: { readonly first: Frame; readonly parts: Buffer[]; byteLength: number } | undefined;

  /** Whether nothing but CONTINUATION may come. */
  get isBegun(): boolean {
    return this.#begun !== undefined;
  }

  /**
   * Takes a HEADERS or CONTINUATION, and gives the block that is complete with it.
   *
   * @throws ConnectionError if it may not come now, is malformed, or there is too much of it.
   */
  add(frame: Frame): HeaderBlock | undefined {
    const part = frame.type === FrameType.HEADERS ? withoutPadding(frame) : frame.payload;
    if (this.#begun === undefined) {
      if (frame.type !== FrameType.HEADERS) throw misplaced();
      if ((frame.flags & Flag.END_HEADERS) !== 0) return toBlock(frame, part);
      // Its memory must not be all that came at once.
      const first = { ...frame, payload: Buffer.alloc(0) };
      this.#begun = { first, parts: [Buffer.from(part)], byteLength: part.length };
      return undefined;
    }
    const begun = this.#begun;
    if (frame.streamId !== begun.first.streamId) throw misplaced();
    begun.parts.push(Buffer.from(part));
    begun.byteLength += part.length;
    if (begun.byteLength > MAX_BLOCK_BYTES || begun.parts.length > MAX_FRAMES) {
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, "headers are too large");
    }
    if ((frame.flags & Flag.END_HEADERS) === 0) return undefined;
    this.#begun = undefined;
    return toBlock(begun.first, Buffer.concat(begun.parts));
  }
}

function toBlock({ streamId, flags }: Frame, bytes: Buffer): HeaderBlock {
  return { streamId, isLast: (flags & Flag.END_STREAM) !== 0, bytes };
}

/**
 * Gives what a DATA or HEADERS carries beside padding and, with HEADERS, a priority.
 *
 * @throws ConnectionError PROTOCOL_ERROR if the padding is longer than the frame.
 */
export function withoutPadding({ type, flags, payload }: Frame): Buffer {
  let start = 0;
  let end = payload.length;
  if ((flags & Flag.PADDED) !== 0) {
    start += 1;
    end -= payload[0] ?? 0;
  }
  if (type === FrameType.HEADERS && (flags & Flag.PRIORITY) !== 0) start += PRIORITY_BYTES;
  if (start > end) {
    throw protocolError("a frame is shorter than it says");
  }
  return start === 0 && end === payload.length ? payload : payload.subarray(start, end);
}

function misplaced(): ConnectionError {
  return protocolError("a block of headers is interrupted, or continued where none has begun");
}
