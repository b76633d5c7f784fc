import { connect, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import { HeaderDecoder } from "../../server/src/rpc/http2/hpack/header-decoder.js";
import type { HeaderFields } from "../../server/src/rpc/http2/hpack/header-list.js";
import {
  Flags,
  frame,
  PREFACE,
  type ReceivedFrame,
  readFrames,
  settings,
  Type,
  wholeCall,
} from "./raw-frames.js";

/** More than any answer has. */
const MAX_LIST_BYTES = 1024 * 1024;
const NOTHING = Buffer.alloc(0);

/** A client of HTTP/2 that sends what it is told, allowed or not, and keeps what comes. */
export class RawHttp2 {
  readonly socket: Socket;
  /** All frames that have come. */
  readonly frames: ReceivedFrame[] = [];
  /** Resolves when the connection is over. */
  readonly closed: Promise<void>;
  readonly #byteLengths = new Map<number, number>();
  #isClosed = false;
  #rest: Buffer = NOTHING;
  #wake: (() => void)[] = [];
  #pings = 0;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("error", () => undefined);
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.#isClosed = true;
        this.#wakeAll();
        resolve();
      });
    });
  }

  /** Sends bytes as they are. */
  send(...parts: readonly Uint8Array[]): void {
    this.socket.write(Buffer.concat(parts));
  }

  /** Waits until the server has had all that was sent before, and what it answered at once has come. */
  async pinged(): Promise<void> {
    this.#pings += 1;
    const payload = Buffer.alloc(8, "ping");
    payload.writeUInt32BE(this.#pings, 4);
    this.send(frame(Type.PING, Flags.NONE, 0, payload));
    await this.until(() =>
      this.frames.findLast(({ type, payload: p }) => type === Type.PING && p.equals(payload)),
    );
  }

  /** Waits until something is found in what has come; rejects if the connection is over before. */
  async until<T>(find: () => T | undefined): Promise<T> {
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      if (this.#isClosed) throw new Error("the connection is over");
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
      });
    }
  }

  /** Gives the frames that have come of one type and stream. */
  framesOf(type: number, streamId: number): ReceivedFrame[] {
    return this.frames.filter((frame) => frame.type === type && frame.streamId === streamId);
  }

  /** Gives what DATA has brought on a stream. */
  bytesOf(streamId: number): Buffer {
    return Buffer.concat(this.framesOf(Type.DATA, streamId).map(({ payload }) => payload));
  }

  /** Gives how much DATA has brought on a stream. */
  byteLengthOf(streamId: number): number {
    return this.#byteLengths.get(streamId) ?? 0;
  }

  /** Waits for the headers that end a stream: those with its status. */
  async ending(streamId: number): Promise<HeaderFields> {
    const { payload } = await this.until(() =>
      this.framesOf(Type.HEADERS, streamId).find(({ flags }) => (flags & Flags.END_STREAM) !== 0),
    );
    return new HeaderDecoder(MAX_LIST_BYTES).decode(payload).fields;
  }

  /** Makes a whole call, and waits for its status. */
  async call(streamId: number, path: string, body?: Uint8Array): Promise<string | undefined> {
    this.send(wholeCall(streamId, path, body));
    return (await this.ending(streamId))["grpc-status"];
  }

  /** Waits until the server resets a stream, and gives the code. */
  async resetCode(streamId: number): Promise<number> {
    const [{ payload }] = await this.until(() =>
      nonEmpty(this.framesOf(Type.RST_STREAM, streamId)),
    );
    return payload.readUInt32BE();
  }

  /** Waits for GOAWAY. */
  async goAway(): Promise<{ lastStreamId: number; code: number }> {
    const [{ payload }] = await this.until(() => nonEmpty(this.framesOf(Type.GOAWAY, 0)));
    return { lastStreamId: payload.readUInt32BE(), code: payload.readUInt32BE(4) };
  }

  #take(chunk: Buffer): void {
    const bytes = Buffer.concat([this.#rest, chunk]);
    this.#rest = readFrames(bytes, (frame) => this.#keep(frame));
    this.#wakeAll();
  }

  #keep(frame: ReceivedFrame): void {
    const { type, streamId, payload } = frame;
    this.frames.push(frame);
    if (type !== Type.DATA) return;
    this.#byteLengths.set(streamId, this.byteLengthOf(streamId) + payload.byteLength);
  }

  #wakeAll(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
}

/** Connects without a word, until the test ends; with `allowHalfOpen` it does not end because the server does. */
export function connectSilent(address: string, allowHalfOpen = false): RawHttp2 {
  const [host = "", port = ""] = address.split(":");
  const socket = connect({ host, port: Number(port), noDelay: true, allowHalfOpen });
  onTestFinished(() => {
    socket.destroy();
  });
  return new RawHttp2(socket);
}

/** Connects with the preface and some settings, by default none, until the test ends. */
export async function connectRaw(address: string, first = settings()): Promise<RawHttp2> {
  const client = connectSilent(address);
  client.send(PREFACE, first);
  await client.pinged();
  return client;
}

function nonEmpty<T>(found: T[]): [T, ...T[]] | undefined {
  const [first, ...others] = found;
  return first === undefined ? undefined : [first, ...others];
}
