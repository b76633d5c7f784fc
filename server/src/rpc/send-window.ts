import type { ServerWritableStream } from "@grpc/grpc-js";

/** Beside what eager sending has on its way, which keeps a connection busy: only to have the next at hand. */
const MAX_OUTSTANDING_BYTES = 64 * 1024;
const MAX_OUTSTANDING_FRAMES = 16;

/**
 * Sends frames, and counts those that wait in grpc-js.
 *
 * grpc-js bounds its queue by the number of messages alone, and takes them whether or
 * not it has room, so that a slow reader could make it hold any amount of memory.
 *
 * A frame is counted until the next one may follow, which is before it has left: what
 * eager sending has on its way, up to 64 frames or 128 KiB, comes on top.
 */
export class SendWindow {
  readonly #call: Pick<ServerWritableStream<Buffer, Buffer>, "write">;
  #bytes = 0;
  #frames = 0;
  #onRoom: (() => void) | undefined;

  constructor(call: Pick<ServerWritableStream<Buffer, Buffer>, "write">) {
    this.#call = call;
  }

  /** Whether to wait for {@link room} before the next frame. */
  get isFull(): boolean {
    return this.#bytes > MAX_OUTSTANDING_BYTES || this.#frames >= MAX_OUTSTANDING_FRAMES;
  }

  /** Sends a frame, whether or not there is room. */
  send(frame: Buffer): void {
    this.#bytes += frame.byteLength;
    this.#frames += 1;
    this.#call.write(frame, () => this.#sent(frame.byteLength));
  }

  /**
   * Waits until the window is no longer full.
   *
   * It may never be once the call has ended, since grpc-js then drops frames without a
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
