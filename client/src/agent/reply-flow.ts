/** How much of what the model said may wait for the caller, in bytes of UTF-8 and of its pieces. */
const MAX_UNREAD_BYTES = 256 * 1024;

/** About how much a piece takes beside its text: many small ones are much too. */
const PIECE_BYTES = 64;

/** A piece of a reply. */
interface Piece {
  readonly text: string;
  /** What is to be done when it is taken; undefined once it is. */
  readonly take: (() => void) | undefined;
}

/**
 * The text of a turn's replies on its way from the model to the caller.
 *
 * A piece is taken when the caller gets it, or when its reply is settled; so a caller that
 * stops has got just what was taken of the reply that was under way.
 */
export class ReplyFlow {
  #pieces: Piece[] = [];
  #unreadBytes = 0;
  #isDropped = false;
  /** How it ended: an error, or undefined. */
  #ending: { readonly error: unknown } | undefined;
  #wakeReader: () => void = () => undefined;
  #wakeWriter: () => void = () => undefined;

  /** Whether nothing is to be added until the caller has read on. */
  get isFull(): boolean {
    return this.#unreadBytes > MAX_UNREAD_BYTES;
  }

  /** Adds a piece; `take` is called once, when it is taken. */
  put(text: string, take: () => void): void {
    if (this.#isDropped) return;
    this.#pieces.push({ text, take });
    this.#unreadBytes += weigh(text);
    this.#wakeReader();
  }

  /** Takes what the caller has not got yet, who can still read it. */
  settle(): void {
    this.#pieces = this.#pieces.map(({ text, take }) => {
      take?.();
      return { text, take: undefined };
    });
  }

  /** Forgets what the caller has not got yet, and what still comes. */
  drop(): void {
    this.#isDropped = true;
    this.#pieces = [];
    this.#unreadBytes = 0;
    this.#wakeWriter();
  }

  /** Ends it, after what it holds: with an error, or undefined. */
  end(error: unknown): void {
    this.#ending ??= { error };
    this.#wakeReader();
  }

  /** Waits until everything is taken. */
  async taken(): Promise<void> {
    // The last one is taken last.
    while (this.#pieces.at(-1)?.take) await this.#readOn();
  }

  /** Waits until there is room for more. */
  async room(): Promise<void> {
    while (this.isFull) await this.#readOn();
  }

  /**
   * Gives the pieces as they come.
   *
   * @throws what it ended with.
   */
  async *read(): AsyncGenerator<string, void> {
    for (;;) {
      const piece = this.#pieces.shift();
      if (piece) {
        this.#unreadBytes -= weigh(piece.text);
        piece.take?.();
        this.#wakeWriter();
        yield piece.text;
      } else if (this.#ending) {
        if (this.#ending.error !== undefined) throw this.#ending.error;
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wakeReader = resolve;
        });
      }
    }
  }

  /** Waits until the caller has read on, or has left. */
  #readOn(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakeWriter = resolve;
    });
  }
}

function weigh(text: string): number {
  return Buffer.byteLength(text) + PIECE_BYTES;
}
