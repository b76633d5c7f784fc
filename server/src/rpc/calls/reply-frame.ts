import { PREFIX_BYTES } from "./request-frames.js";

/** Copies a message behind its prefix: it is not compressed, and so long. */
export function toReplyFrame(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + message.byteLength);
  frame[0] = 0;
  frame.writeUInt32BE(message.byteLength, 1);
  frame.set(message, PREFIX_BYTES);
  return frame;
}
