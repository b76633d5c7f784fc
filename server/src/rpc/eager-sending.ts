import { ServerInterceptingCall, type ServerInterceptor } from "@grpc/grpc-js";

/** How much of a stream may be on its way to the connection. */
const MAX_FRAMES = 64;
const MAX_BYTES = 128 * 1024;

/**
 * Lets a stream hand over several messages before the first has left.
 *
 * grpc-js hands the next one to HTTP/2 when the one before has been written, one a turn of
 * the event loop: while other work makes the turns long, a stream of small messages starves.
 */
export const eagerSending: ServerInterceptor = ({ responseStream }, call) =>
  responseStream ? new EagerCall(call) : new ServerInterceptingCall(call);

class EagerCall extends ServerInterceptingCall {
  #frames = 0;
  #bytes = 0;
  #onRoom: (() => void) | undefined;

  override sendMessage(message: Buffer, callback: () => void): void {
    const { byteLength } = message;
    this.#frames += 1;
    this.#bytes += byteLength;
    super.sendMessage(message, () => this.#sent(byteLength));
    if (this.#hasRoom) callback();
    else this.#onRoom = callback;
  }

  get #hasRoom(): boolean {
    return this.#frames < MAX_FRAMES && this.#bytes < MAX_BYTES;
  }

  #sent(byteLength: number): void {
    this.#frames -= 1;
    this.#bytes -= byteLength;
    const onRoom = this.#onRoom;
    if (onRoom === undefined || !this.#hasRoom) return;
    this.#onRoom = undefined;
    onRoom();
  }
}
