import type { Message } from "../model.js";
import type { MessageStorage, SessionRef } from "../storage.js";

/** The first page is what most contexts need; the later ones grow. */
const FIRST_PAGE = 16;
const LARGEST_PAGE = 1_024;

/** Where a page ends early. */
const MAX_PAGE_BYTES = 2 * 1024 * 1024;

/** Reads a session's history backwards, in growing pages, as far as it is asked for. */
export class HistoryReader {
  readonly #storage: MessageStorage;
  readonly #ref: SessionRef;
  #upToSequence: number;
  #pageSize = FIRST_PAGE;
  #isWhole = false;
  #bytes = 0;
  /** Newest first. */
  readonly #messages: Message[] = [];

  constructor(storage: MessageStorage, ref: SessionRef, headSequence: number) {
    this.#storage = storage;
    this.#ref = ref;
    this.#upToSequence = headSequence;
  }

  /** What has been read, oldest first. */
  get messages(): readonly Message[] {
    return this.#messages.toReversed();
  }

  /** About how many bytes that is. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Nothing that has been read lies at or before this sequence. */
  get readAfter(): number {
    return this.#upToSequence;
  }

  /** Whether nothing comes before what has been read. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** Reads the page before what has been read. */
  async readMore(): Promise<void> {
    const upToSequence = this.#upToSequence;
    const { items, hasMore } = await this.#storage.read(
      this.#ref,
      { afterSequence: 0, upToSequence, order: "descending" },
      { maxItems: this.#pageSize, maxBytes: MAX_PAGE_BYTES },
    );
    this.#pageSize = Math.min(2 * this.#pageSize, LARGEST_PAGE);
    for (const message of items) {
      this.#messages.push(message);
      this.#bytes += message.bytes;
    }
    this.#isWhole = !hasMore;
    this.#upToSequence = hasMore ? (items.at(-1)?.sequence ?? 1) - 1 : 0;
  }
}
