/** A message of which something has still to be sent. */
export class WaitingMessage {
  /** Is called when it has left. */
  readonly onSent: (() => void) | undefined;
  readonly #pieces: readonly Buffer[];
  #index = 0;
  /** Where in its piece what is left begins. */
  #at = 0;

  /** The memory of the pieces, which follow one another and are not empty, must stay as it is. */
  constructor(pieces: readonly Buffer[], onSent: (() => void) | undefined) {
    this.#pieces = pieces;
    this.onSent = onSent;
  }

  /** Whether nothing is left. */
  get isTaken(): boolean {
    return this.#index === this.#pieces.length;
  }

  /** Takes the next bytes: so many, or fewer if no more are left. */
  take(byteLength: number): readonly Buffer[] {
    const taken: Buffer[] = [];
    for (let room = byteLength; room > 0; ) {
      const piece = this.#pieces[this.#index];
      if (piece === undefined) break;
      const end = Math.min(this.#at + room, piece.length);
      const isWhole = this.#at === 0 && end === piece.length;
      taken.push(isWhole ? piece : piece.subarray(this.#at, end));
      room -= end - this.#at;
      if (end === piece.length) this.#index += 1;
      this.#at = end === piece.length ? 0 : end;
    }
    return taken;
  }
}
