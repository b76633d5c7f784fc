import type { Socket } from "node:net";
import { type ErrorCode, Flag, FRAME_HEADER_BYTES, FrameType } from "./protocol.js";

/** Up to how many bytes are put together before they are written: writing many small pieces takes longer. */
const SMALL_BYTES = 32 * 1024;

/** Up to how many bytes a piece is copied where others are not. */
const SMALL_PIECE_BYTES = 1024;

/** How much may be added in one go before messages have to wait. */
const MAX_PENDING_BYTES = 256 * 1024;

/** How much of what is no message may wait for a client that does not read, before nothing more is read of it. */
const MAX_WAITING_BYTES = 1024 * 1024;

/**
 * Tells a client that the table of our headers is empty, and stays so: one that wants it to be smaller
 * than it is by default must be told so first. See https://www.rfc-editor.org/rfc/rfc7541#section-4.2
 */
const EMPTY_TABLE = Buffer.from([0x20]);

const NOTHING = Buffer.alloc(0);

/**
 * The frames that go to one client. Those that are added in one go, such as the answers to calls
 * that were carried out together, are written together.
 */
export class FrameOutput {
  readonly #socket: Socket;
  #pieces: Buffer[] = [];
  #byteLength = 0;
  /** How much of that is no message. */
  #otherBytes = 0;
  /** The same of what was written, and has not left. */
  #waitingBytes = 0;
  #onWritten: (() => void)[] = [];
  #isScheduled = false;
  #isTableTold = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Whether messages are to wait for `drain` of the socket. */
  get isFull(): boolean {
    return this.#socket.writableNeedDrain || this.#byteLength >= MAX_PENDING_BYTES;
  }

  /** Whether the client makes the server say more than it reads. */
  get isOverfull(): boolean {
    return this.#waitingBytes + this.#otherBytes > MAX_WAITING_BYTES;
  }

  /** Adds a frame with a small payload, which is copied. */
  add(type: number, flags: number, streamId: number, payload: Uint8Array = NOTHING): void {
    const piece = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payload.length);
    writeHeader(piece, { byteLength: payload.length, type, flags, streamId });
    piece.set(payload, FRAME_HEADER_BYTES);
    this.#otherBytes += piece.length;
    this.#push(piece);
  }

  /** Adds a whole block of headers, which fits a frame. */
  addHeaders(streamId: number, flags: number, block: Buffer): void {
    const payload = this.#isTableTold ? block : Buffer.concat([EMPTY_TABLE, block]);
    this.#isTableTold = true;
    this.add(FrameType.HEADERS, flags | Flag.END_HEADERS, streamId, payload);
  }

  /** Adds a frame of messages, whose memory must stay as it is, and gives how many bytes it has of them. */
  addData(streamId: number, payload: readonly Buffer[]): number {
    const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
    const byteLength = payload.reduce((sum, { length }) => sum + length, 0);
    writeHeader(header, { byteLength, type: FrameType.DATA, flags: Flag.NONE, streamId });
    this.#push(header);
    for (const piece of payload) this.#push(piece);
    return byteLength;
  }

  /** Tells a client that a stream is over. */
  addReset(streamId: number, code: ErrorCode): void {
    this.add(FrameType.RST_STREAM, Flag.NONE, streamId, toUint32(code));
  }

  /** Lets a client send so many bytes more on a stream or, with the id 0, on the connection. */
  addWindowUpdate(streamId: number, byteLength: number): void {
    this.add(FrameType.WINDOW_UPDATE, Flag.NONE, streamId, toUint32(byteLength));
  }

  /** Tells a client to begin no more streams than those up to an id, and why. */
  addGoAway(lastStreamId: number, code: ErrorCode): void {
    const payload = Buffer.concat([toUint32(lastStreamId), toUint32(code)]);
    this.add(FrameType.GOAWAY, Flag.NONE, 0, payload);
  }

  /** Calls back when all that has been added has left, or never if the connection ends before. */
  whenWritten(done: () => void): void {
    this.#onWritten.push(done);
  }

  /** Writes what was added, and ends the connection. */
  end(): void {
    this.#flush();
    this.#socket.end();
  }

  #push(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#byteLength += piece.length;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    process.nextTick(this.#flush);
  }

  readonly #flush = (): void => {
    this.#isScheduled = false;
    const pieces = this.#pieces;
    const byteLength = this.#byteLength;
    if (pieces.length === 0) return;
    const done = this.#written(this.#onWritten, this.#otherBytes);
    this.#pieces = [];
    this.#byteLength = 0;
    this.#otherBytes = 0;
    this.#onWritten = [];
    if (!this.#socket.writable) return;
    const [first] = pieces;
    if (pieces.length === 1 && first !== undefined) this.#socket.write(first, done);
    else if (byteLength <= SMALL_BYTES) this.#socket.write(Buffer.concat(pieces, byteLength), done);
    else this.#writeEach(joinSmall(pieces), done);
  };

  /** Gives what is done when something that is written now has left. */
  #written(callbacks: readonly (() => void)[], otherBytes: number): Written {
    this.#waitingBytes += otherBytes;
    return (error) => {
      this.#waitingBytes -= otherBytes;
      if (error) return;
      for (const callback of callbacks) callback();
    };
  }

  #writeEach(pieces: readonly Buffer[], done: Written): void {
    this.#socket.cork();
    const last = pieces.length - 1;
    for (const [index, piece] of pieces.entries()) {
      this.#socket.write(piece, index === last ? done : undefined);
    }
    this.#socket.uncork();
  }
}

/** What Node calls when a piece has left, or cannot. */
type Written = (error?: Error | null) => void;

/** Puts small pieces together that follow one another: each that waits takes memory beside its bytes. */
function joinSmall(pieces: readonly Buffer[]): readonly Buffer[] {
  const joined: Buffer[] = [];
  let small: Buffer[] = [];
  for (const piece of pieces) {
    if (piece.length <= SMALL_PIECE_BYTES) {
      small.push(piece);
      continue;
    }
    if (small.length > 0) joined.push(Buffer.concat(small));
    small = [];
    joined.push(piece);
  }
  if (small.length > 0) joined.push(Buffer.concat(small));
  return joined;
}

interface FrameHeader {
  readonly byteLength: number;
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
}

function writeHeader(bytes: Buffer, { byteLength, type, flags, streamId }: FrameHeader): void {
  bytes[0] = byteLength >>> 16;
  bytes[1] = byteLength >>> 8;
  bytes[2] = byteLength;
  bytes[3] = type;
  bytes[4] = flags;
  bytes[5] = streamId >>> 24;
  bytes[6] = streamId >>> 16;
  bytes[7] = streamId >>> 8;
  bytes[8] = streamId;
}

/** Gives a number as the four bytes that frames have for it. */
function toUint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
