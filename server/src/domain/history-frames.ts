import type { Message } from "./model.js";
import type { Page, SessionRef, Storage } from "./storage.js";

/** How many messages the first frames hold: the first one is to come soon. */
export const FIRST_FRAMES: readonly number[] = [1, 8];

/** How many bytes a frame has at the most, unless one message alone has more. */
export const FRAME_MAX_BYTES = 64 * 1024;

/** How many messages are read first of a history that is longer than {@link FIRST_READ}: those of the first frames. */
export const FIRST_ITEMS = FIRST_FRAMES.reduce((sum, length) => sum + length, 0);

/** How much is read from the storage at once: little for the first frame, then more. */
export const FIRST_READ = { maxItems: 64, maxBytes: 256 * 1024 };
export const READ = { maxItems: 512, maxBytes: 1024 * 1024 };

/** Tells how many of the messages after `start` up to `end` to read first: all, if they are few. */
export function firstItems(start: number, end: number): number {
  return end - start <= FIRST_READ.maxItems ? FIRST_READ.maxItems : FIRST_ITEMS;
}

/**
 * Reads the messages after `start` up to `end` in order, and gives them in frames of
 * growing size.
 *
 * It reads the next page while the present one is taken, unless that is one large message,
 * and never holds more than two. Ending the iteration early ends the reading.
 *
 * @throws StateError `not_found` if the session is not there any more.
 */
export async function* readFrames(
  storage: Storage,
  ref: SessionRef,
  range: { readonly start: number; readonly end: number },
  maxMessages: number,
): AsyncGenerator<readonly Message[], void> {
  const cutter = new FrameCutter(maxMessages, FIRST_FRAMES);
  for await (const page of readPages(storage, ref, range)) {
    for (const frame of cutter.cut(page)) yield frame;
  }
  const rest = cutter.rest();
  if (rest.length > 0) yield rest;
}

/**
 * Reads the messages after `start` up to `end`, one page ahead of the one that is taken, unless
 * that is one large message.
 */
export async function* readPages(
  storage: Storage,
  ref: SessionRef,
  { start, end }: { readonly start: number; readonly end: number },
): AsyncGenerator<readonly Message[], void> {
  const read = (afterSequence: number, bounds = READ): Promise<Page<Message>> => {
    const range = { afterSequence, upToSequence: end, order: "ascending" } as const;
    const page = storage.messages.read(ref, range, bounds);
    // It is awaited later, or not at all if the reader leaves before.
    page.catch(() => undefined);
    return page;
  };
  let next: Promise<Page<Message>> | undefined = start < end ? read(start, FIRST_READ) : undefined;
  while (next !== undefined) {
    const { items, hasMore }: Page<Message> = await next;
    const last = items.at(-1)?.sequence ?? end;
    next = hasMore && !isLarge(items) ? read(last) : undefined;
    if (items.length > 0) yield items;
    if (hasMore) next ??= read(last);
  }
}

/** Whether a page is larger than was asked for, since its one message is. */
export function isLarge(page: readonly Message[]): boolean {
  return page.length === 1 && page.some(({ bytes }) => bytes > READ.maxBytes);
}

/** Cuts messages into frames of up to `maxMessages` or 64 KiB, with one message at least. */
export class FrameCutter {
  readonly #maxMessages: number;
  readonly #firstFrames: number[];
  #frame: Message[] = [];
  #bytes = 0;

  /** The first frames hold no more than `firstFrames` says, one by one. */
  constructor(maxMessages: number, firstFrames: readonly number[] = []) {
    this.#maxMessages = maxMessages;
    this.#firstFrames = [...firstFrames];
  }

  /** Takes messages, and gives the frames that are full. */
  *cut(messages: Iterable<Message>): Generator<readonly Message[], void> {
    for (const message of messages) {
      const { length } = this.#frame;
      if (length > 0 && this.#bytes + message.bytes > FRAME_MAX_BYTES) yield this.#take();
      this.#frame.push(message);
      this.#bytes += message.bytes;
      const limit = this.#firstFrames[0] ?? this.#maxMessages;
      if (this.#frame.length >= Math.min(limit, this.#maxMessages)) yield this.#take();
    }
  }

  /** Gives the frame that is not full, which may be empty. */
  rest(): readonly Message[] {
    return this.#take();
  }

  #take(): readonly Message[] {
    const frame = this.#frame;
    this.#frame = [];
    this.#bytes = 0;
    this.#firstFrames.shift();
    return frame;
  }
}

/** Cuts messages that are all there into frames. */
export function cutFrames(
  messages: readonly Message[],
  maxMessages: number,
): readonly (readonly Message[])[] {
  const cutter = new FrameCutter(maxMessages);
  return [...cutter.cut(messages), cutter.rest()].filter((frame) => frame.length > 0);
}
