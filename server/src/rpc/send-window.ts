import type { IncomingCall } from "./calls/incoming-call.js";
import type { MessagePieces } from "./calls/reply-frame.js";

/** How much of a stream may be on its way to the connection: as much as keeps it busy. */
const MAX_OUTSTANDING_BYTES = 192 * 1024;
const MAX_OUTSTANDING_FRAMES = 80;

/**
 * Sends frames, and counts those that have not left.
 *
 * A call takes frames whether or not there is room, so that a slow reader could make it hold any
 * amount of memory. Several go at once, since one a turn of the event loop would starve a stream of
 * small ones while other work makes the turns long.
 */
export class SendWindow {
  readonly #call: Pick<IncomingCall, "send">;
  #bytes = 0;
  #frames = 0;
  #onRoom: (() => void) | undefined;

  constructor(call: Pick<IncomingCall, "send">) {
    this.#call = call;
  }

  /** Whether to wait for {@link room} before the next frame. */
  get isFull(): boolean {
    return this.#bytes > MAX_OUTSTANDING_BYTES || this.#frames >= MAX_OUTSTANDING_FRAMES;
  }

  /** Sends a frame, whether or not there is room. */
  send(frame: Uint8Array | MessagePieces): void {
    const { byteLength } = frame;
    this.#bytes += byteLength;
    this.#frames += 1;
    this.#call.send(frame, () => this.#sent(byteLength));
  }

  /**
   * Waits until the window is no longer full.
   *
   * It may never be once the call has ended, since frames are then dropped without a
   * word: the caller has to watch for that.
   */
  room(): Promise<void> {
    return new Promise((resolve) => {
      this.#onRoom = resolve;
    });
  }

  #sent(byteLength: number): void {
    this.#bytes -= byteLength;
    this.#frames -= 1;
    if (!this.isFull) this.#onRoom?.();
  }
}
