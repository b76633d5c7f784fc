import { describe, expect, it } from "vitest";
import { collectGarbage } from "../../../support/collect-garbage.js";
import { deferred } from "../../../support/deferred.js";
import {
  callBlock,
  Flags,
  frame,
  headers,
  initialWindow,
  reset,
  settings,
  Type,
  wholeCall,
  windowUpdate,
} from "../../../support/raw-frames.js";
import { connectRaw, type RawHttp2 } from "../../../support/raw-http2.js";
import { aborted, GET, STREAM, start } from "../message-calls.js";

const OK = "0";
const MEBIBYTE = 1024 * 1024;

/** More than the buffers of the system take between two sockets. */
const FLOOD_BYTES = 32 * MEBIBYTE;
const PIECE_BYTES = 64 * 1024;
const WIDE = 2 ** 30;

/** How many rounds without a piece show that no more is taken: else each takes one. */
const QUIET_ROUNDS = 50;

/** What a server may hold of what its client does not read: less than a tenth of what it would without a bound. */
const MAX_HELD_BYTES = 8 * MEBIBYTE;

/** What a client sends, piece by piece. */
class Flood {
  taken = 0;
  readonly done: Promise<void>;
  readonly #client: RawHttp2;

  constructor(client: RawHttp2, pieces: readonly Buffer[]) {
    this.#client = client;
    this.done = this.#send(pieces);
  }

  /** Waits until the server takes no more of it, while it serves another client. */
  async stalled(other: RawHttp2): Promise<void> {
    for (let quiet = 0; quiet < QUIET_ROUNDS; ) {
      const before = this.taken;
      await other.pinged();
      quiet = this.taken === before ? quiet + 1 : 0;
    }
  }

  async #send(pieces: readonly Buffer[]): Promise<void> {
    for (const piece of pieces) {
      await new Promise((resolve) => this.#client.socket.write(piece, resolve));
      this.taken += 1;
    }
  }
}

/** Gives the same piece again and again, of frames that each are answered with as many bytes. */
function repeated(frame: Buffer): Buffer[] {
  const count = Math.ceil(PIECE_BYTES / frame.byteLength);
  const piece = Buffer.concat(Array.from({ length: count }, () => frame));
  return Array.from({ length: FLOOD_BYTES / PIECE_BYTES }, () => piece);
}

function calls(path: string): Buffer[] {
  const block = callBlock(path);
  const count = Math.ceil(PIECE_BYTES / (9 + block.byteLength));
  return Array.from({ length: FLOOD_BYTES / PIECE_BYTES }, (_, piece) => {
    const ids = Array.from({ length: count }, (_, index) => 1 + 2 * (piece * count + index));
    const flags = Flags.END_HEADERS | Flags.END_STREAM;
    return Buffer.concat(ids.map((id) => headers(id, block, flags)));
  });
}

/** Starts a server with one client that reads nothing, and another. */
async function startUnread() {
  const { address } = await start({
    getMessage: async () => ({}),
    async *streamMessages() {
      for (;;) yield new Uint8Array(PIECE_BYTES);
    },
  });
  const other = await connectRaw(address);
  const client = await connectRaw(address);
  client.socket.pause();
  return { client, other };
}

/** Gives how much memory has been taken since. */
function memoryMeter(): () => number {
  collectGarbage();
  const before = process.memoryUsage();
  return () => {
    collectGarbage();
    const { arrayBuffers, heapUsed } = process.memoryUsage();
    return arrayBuffers - before.arrayBuffers + heapUsed - before.heapUsed;
  };
}

it("hears a client that has not read an answer of any size", async () => {
  const yielded = deferred<void>();
  const over = deferred<void>();
  const { address } = await start({
    async *streamMessages(_, { signal }) {
      void aborted(signal).then(() => over.resolve());
      yielded.resolve();
      yield new Uint8Array(FLOOD_BYTES);
    },
  });
  const client = await connectRaw(address, initialWindow(WIDE));
  client.socket.pause();
  client.send(windowUpdate(0, WIDE), wholeCall(1, STREAM));
  await yielded.promise;
  // What follows comes when the answer has been written.
  const other = await connectRaw(address);
  await other.pinged();
  client.send(windowUpdate(0, 1));
  await other.pinged();

  client.send(reset(1));

  await over.promise;
});

const PINGS = repeated(frame(Type.PING, Flags.NONE, 0, Buffer.from("12345678")));

describe("a client that reads nothing", () => {
  it.each<[string, Buffer[]]>([
    ["pings", PINGS],
    ["settings", repeated(settings())],
    ["calls that are answered at once", calls("/unknown")],
    ["calls", calls(GET)],
    ["calls of streams", calls(STREAM)],
  ])("and floods the server with %s is read no more", async (_, pieces) => {
    const { client, other } = await startUnread();
    const taken = memoryMeter();

    const flood = new Flood(client, pieces);
    await flood.stalled(other);

    expect(flood.taken).toBeLessThan(pieces.length);
    expect(taken()).toBeLessThan(MAX_HELD_BYTES);
    expect(await other.call(1, GET)).toBe(OK);
  });

  it("has all its pings answered once it reads", async () => {
    const { client, other } = await startUnread();
    const before = client.socket.bytesRead;
    const flood = new Flood(client, PINGS);
    await flood.stalled(other);

    // From now on it only counts what comes.
    client.socket.removeAllListeners("data").resume();
    await flood.done;

    const expected = Buffer.concat(PINGS).byteLength;
    while (client.socket.bytesRead - before < expected) await other.pinged();
    expect(client.socket.bytesRead - before).toBe(expected);
  });
});
