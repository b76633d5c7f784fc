import type { MessagePieces } from "../../server/src/rpc/calls/reply-frame.js";

/** Gives an encoded message as it is sent: its pieces, if it has some, one after the other. */
export function wholeMessage(message: Uint8Array | MessagePieces): Buffer {
  return message instanceof Uint8Array
    ? Buffer.from(message)
    : Buffer.concat([message.head, ...message.body]);
}
