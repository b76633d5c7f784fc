import type { Message } from "../model.js";
import type { Text } from "../text.js";
import type { EncodedMessages } from "./encoded-messages.js";

/**
 * A message that is only passed on: nobody looks at its texts, which may still be bytes, and
 * its times, which may be milliseconds since 1970.
 */
export interface PassedMessage extends Omit<Message, "id" | "content" | "createdAt" | "updatedAt"> {
  readonly id: Text;
  readonly content: Text;
  readonly createdAt: Date | number;
  readonly updatedAt: Date | number;
}

/** Begins to encode messages as they are sent. */
export type MessageEncoder = () => MessageEncoding;

/** Messages that are being encoded, beside others: each of these has a buffer of its own. */
export interface MessageEncoding {
  /** Encodes the next message, of which nothing is kept. */
  add(message: PassedMessage): void;

  /** Gives the first `count` of them. Nothing can be added then. */
  end(count: number): EncodedMessages;
}
