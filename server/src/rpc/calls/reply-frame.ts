import { PREFIX_BYTES } from "./request-frames.js";

/** A message in pieces: what it begins with, and memory that stays as it is. */
export interface MessagePieces {
  readonly head: Uint8Array;
  readonly body: readonly Uint8Array[];
}

/** How many bytes a message has. */
export function byteLengthOf(message: Uint8Array | MessagePieces): number {
  if (message instanceof Uint8Array) return message.byteLength;
  return message.body.reduce((sum, { byteLength }) => sum + byteLength, message.head.byteLength);
}

/** Puts a message, which is not compressed, behind its prefix. It is copied, but for its body if it has one. */
export function toReplyFrame(message: Uint8Array | MessagePieces): readonly Buffer[] {
  const byteLength = byteLengthOf(message);
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
