import { PREFIX_BYTES } from "./request-frames.js";

/** A message in pieces: what it begins with, and a body whose memory stays as it is. */
export interface MessagePieces {
  readonly head: Uint8Array;
  readonly body: readonly Uint8Array[];
  /** Of all of it. */
  readonly byteLength: number;
}

/**
 * Puts a message, which is not compressed, behind its prefix, and gives the pieces of that. The
 * message is copied, but for the body of one in pieces.
 */
export function toReplyFrame(message: Uint8Array | MessagePieces): readonly Buffer[] {
  const { byteLength } = message;
  if (message instanceof Uint8Array) return [withPrefix(byteLength, message)];
  return [withPrefix(byteLength, message.head), ...message.body.map(toBuffer)];
}

function withPrefix(byteLength: number, head: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(PREFIX_BYTES + head.byteLength);
  frame[0] = 0;
  frame.writeUInt32BE(byteLength, 1);
  frame.set(head, PREFIX_BYTES);
  return frame;
}

function toBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
