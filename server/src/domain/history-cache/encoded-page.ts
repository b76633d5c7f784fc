import { isLarge } from "../history-frames.js";
import type { Message } from "../model.js";
import type { Page, PageBounds } from "../storage.js";
import type { EncodedMessages } from "./encoded-messages.js";
import type { MessageEncoder, MessageEncoding, PassedMessage } from "./message-encoder.js";

/** A page as it is kept until it is taken: a message takes several times its bytes. */
export interface EncodedPage {
  readonly messages: EncodedMessages;
  readonly hasMore: boolean;
  /** The indexes of those that are being written. */
  readonly unfinished: readonly number[];
  /** Whether it is one message, larger than was asked for. */
  readonly isOneLarge: boolean;
}

/** How much to encode at once, and how. */
export interface EncodedBounds extends PageBounds {
  readonly encode: MessageEncoder;
}

/** Encodes a page. */
export function encodePage({ items, hasMore }: Page<Message>, encode: MessageEncoder): EncodedPage {
  const encoding = new PageEncoding(encode);
  for (const message of items) encoding.add(message);
  return { ...encoding.end(items.length), hasMore, isOneLarge: isLarge(items) };
}

/** Encodes a page of small messages while they are read. */
export class PageEncoding {
  readonly #encoding: MessageEncoding;
  readonly #unfinished: number[] = [];
  #count = 0;

  constructor(encode: MessageEncoder) {
    this.#encoding = encode();
  }

  /** Encodes the next message. */
  add(message: PassedMessage): void {
    if (message.status === "streaming") this.#unfinished.push(this.#count);
    this.#encoding.add(message);
    this.#count += 1;
  }

  /** Gives a page of the first `maxItems` that were added. */
  end(maxItems: number): EncodedPage {
    const count = Math.min(this.#count, maxItems);
    return {
      messages: this.#encoding.end(count),
      hasMore: this.#count > maxItems,
      unfinished: this.#unfinished.filter((index) => index < count),
      isOneLarge: false,
    };
  }
}
