import type { FrameOutput } from "./frame-output.js";
import { ErrorCode, Flag, INITIAL_WINDOW_BYTES, MAX_WINDOW_BYTES } from "./protocol.js";
import { WaitingMessage } from "./waiting-message.js";

/** Who is told of what a client does on a stream. */
export interface StreamListener {
  /**
   * The client has sent this: a view, which would keep all that came at once. When it has been
   * used, {@link Http2Stream.makeRoom} lets as much come again.
   */
  onData(bytes: Buffer): void;
  /** The client sends no more. */
  onEnd(): void;
  /** The stream is over before it was ended here: its client has reset it, or is gone. */
  onAborted(): void;
}

/** What streams of one connection share. */
export interface StreamCarrier {
  readonly output: FrameOutput;
  /** How much may be sent on the connection. */
  sendWindow: number;
  /** How many bytes of a stream a frame may have. */
  readonly frameMaxBytes: number;
  /** A stream has something to send, and the connection has no room for it: it is to be pumped when there is. */
  onBlocked(stream: Http2Stream): void;
  /** A stream is over, on both sides. */
  onClosed(stream: Http2Stream): void;
  /** Work goes on for a stream that is over. */
  onLingering(): void;
  /** It has ended. */
  onLingered(): void;
}

/** With how much that was used a client is told that there is room: telling it each time would be as much work as reading. */
const ROOM_WORTH_TELLING_BYTES = Math.floor(INITIAL_WINDOW_BYTES / 2);

/** A stream of HTTP/2 that a client has begun, with one answer. */
export class Http2Stream {
  readonly id: number;
  /** Is there from the moment when the stream begins, as long as it is open. */
  listener: StreamListener | undefined;
  readonly #carrier: StreamCarrier;
  #sendWindow: number;
  /** How much of what came has been used, and the client was not told of. */
  #room = 0;
  /** How much the client may send. */
  #receiveWindow = INITIAL_WINDOW_BYTES;
  /** Made when it is needed: most answers find room at once. */
  #waiting: WaitingMessage[] | undefined;
  /** What ends the answer when nothing waits any more. */
  #trailers: Buffer | undefined;
  #isAnswered = false;
  #isClosed = false;
  #hasClientEnded: boolean;
  /** How much is under way for it. */
  #working = 0;

  /** With `hasClientEnded`, the client sends nothing on it. */
  constructor(id: number, carrier: StreamCarrier, sendWindow: number, hasClientEnded: boolean) {
    this.id = id;
    this.#carrier = carrier;
    this.#sendWindow = sendWindow;
    this.#hasClientEnded = hasClientEnded;
  }

  /** Whether headers were sent. */
  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  /** Whether nothing more is sent. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether the client sends no more. */
  get hasClientEnded(): boolean {
    return this.#hasClientEnded;
  }

  /** Sends headers, which are encoded already. */
  respond(block: Buffer): void {
    if (this.#isClosed) return;
    this.#isAnswered = true;
    this.#carrier.output.addHeaders(this.id, Flag.NONE, block);
  }

  /** Sends headers with nothing behind them. */
  respondOnly(block: Buffer): void {
    if (!this.#isClosed) this.#endBy(block);
  }

  /**
   * Sends pieces that follow one another and are not empty, whose memory must stay as it is.
   * `onSent` is called when they have left, or never if the stream is over before.
   */
  send(pieces: readonly Buffer[], onSent?: () => void): void {
    if (this.#isClosed) return;
    const message = new WaitingMessage(pieces, onSent);
    if (this.#waiting !== undefined) this.#waiting.push(message);
    else if (!this.#sendWhole(message)) this.#waiting = [message];
  }

  /** Ends the answer behind what was sent. */
  end(trailers: Buffer): void {
    if (this.#isClosed) return;
    this.#trailers = trailers;
    this.pump();
  }

  /** Ends both sides at once for what the client has done, drops what waits, and tells who listens. */
  refuse(code: ErrorCode): void {
    if (this.#isClosed) return;
    this.#carrier.output.addReset(this.id, code);
    this.onAborted();
  }

  /** Counts among the streams that are worked on until some work for it has ended, even if it is over before. */
  during(work: Promise<unknown>): void {
    if (this.#isClosed && this.#working === 0) this.#carrier.onLingering();
    this.#working += 1;
    const ended = () => {
      this.#working -= 1;
      if (this.#isClosed && this.#working === 0) this.#carrier.onLingered();
    };
    work.then(ended, ended);
  }

  /** Lets the client send as much again as was used of what came. */
  makeRoom(byteLength: number): void {
    this.#room += byteLength;
    if (this.#hasClientEnded || this.#isClosed || this.#room < ROOM_WORTH_TELLING_BYTES) return;
    this.#carrier.output.addWindowUpdate(this.id, this.#room);
    this.#receiveWindow += this.#room;
    this.#room = 0;
  }

  /** Sends what waits, as far as there is room for it. */
  pump(): void {
    const waiting = this.#waiting ?? [];
    while (waiting[0] !== undefined && this.#sendWhole(waiting[0])) waiting.shift();
    if (waiting.length > 0) return;
    this.#waiting = undefined;
    if (this.#trailers !== undefined && !this.#isClosed) this.#endBy(this.#trailers);
  }

  /** Sends as much of a message as there is room for, and gives whether that was all of it. */
  #sendWhole(message: WaitingMessage): boolean {
    const { output, frameMaxBytes } = this.#carrier;
    while (!message.isTaken) {
      // Its client makes room for it alone.
      if (this.#sendWindow <= 0) return false;
      const room = Math.min(this.#sendWindow, this.#carrier.sendWindow, frameMaxBytes);
      if (room <= 0 || output.isFull) {
        this.#carrier.onBlocked(this);
        return false;
      }
      const sent = output.addData(this.id, message.take(room));
      this.#sendWindow -= sent;
      this.#carrier.sendWindow -= sent;
    }
    if (message.onSent !== undefined) output.whenWritten(message.onSent);
    return true;
  }

  /** The client lets so many bytes more be sent, or fewer. Gives false if that is more than a window may have. */
  widen(byteLength: number): boolean {
    this.#sendWindow += byteLength;
    if (this.#sendWindow > MAX_WINDOW_BYTES) return false;
    this.pump();
    return true;
  }

  /**
   * The client has sent something, and no more with `isLast`. Gives false if it was not allowed so
   * much: `flowBytes` is with its padding.
   */
  onData(bytes: Buffer, flowBytes: number, isLast: boolean): boolean {
    this.#receiveWindow -= flowBytes;
    if (this.#receiveWindow < 0) return false;
    // Before anybody is told, who may answer at once.
    this.#hasClientEnded = isLast;
    if (flowBytes > bytes.length) this.makeRoom(flowBytes - bytes.length);
    if (bytes.length > 0) this.listener?.onData(bytes);
    if (isLast) this.onEnd();
    return true;
  }

  /** The client sends no more. */
  onEnd(): void {
    this.#hasClientEnded = true;
    this.listener?.onEnd();
  }

  /** The client has reset the stream, or is gone. */
  onAborted(): void {
    const { listener } = this;
    this.#close();
    listener?.onAborted();
  }

  #endBy(block: Buffer): void {
    const { output } = this.#carrier;
    output.addHeaders(this.id, Flag.END_STREAM, block);
    // Whoever has its answer need send no more; what it still sends would be dropped.
    if (!this.#hasClientEnded) output.addReset(this.id, ErrorCode.NO_ERROR);
    this.#close();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.listener = undefined;
    this.#waiting = undefined;
    this.#trailers = undefined;
    if (this.#working > 0) this.#carrier.onLingering();
    this.#carrier.onClosed(this);
  }
}
