import { once } from "node:events";
import {
  type ClientHttp2Session,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import { createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import { connectHttp2 } from "../../../support/connect-http2.js";
import {
  Flags,
  frame,
  PREFACE,
  type ReceivedFrame,
  readFrames,
  settings,
  Type,
} from "../../../support/raw-frames.js";

const PRIORITY_BYTES = 5;

/** A connection of Node's own client to a server that keeps header blocks as they come. */
export interface HeaderExchange {
  /** Sends a request, answers it with a block, and gives the block that came and what the client was told. */
  send(request: OutgoingHttpHeaders, answer: Buffer): Promise<Exchanged>;
}

export interface Exchanged {
  readonly block: Buffer;
  readonly answered: IncomingHttpHeaders;
}

/** Opens a connection whose client may have so many bytes in its table, until the test ends. */
export async function openHeaderExchange(tableBytes: number): Promise<HeaderExchange> {
  let answer: Buffer = Buffer.alloc(0);
  const blocks: Buffer[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.write(settings([constants.NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, tableBytes]));
    readAll(socket, ({ type, flags, streamId, payload }) => {
      if (type === Type.SETTINGS && (flags & Flags.ACK) === 0)
        socket.write(frame(Type.SETTINGS, Flags.ACK, 0));
      if (type === Type.HEADERS) {
        blocks.push((flags & Flags.PRIORITY) === 0 ? payload : payload.subarray(PRIORITY_BYTES));
      }
      if (type === Type.CONTINUATION) blocks.push(payload);
      if (
        (type === Type.HEADERS || type === Type.CONTINUATION) &&
        (flags & Flags.END_HEADERS) !== 0
      ) {
        socket.write(frame(Type.HEADERS, Flags.END_HEADERS | Flags.END_STREAM, streamId, answer));
      }
    });
  });
  onTestFinished(() => void server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connectHttp2(addressOf(server.address()));
  await once(client, "remoteSettings");
  return {
    async send(request, wanted) {
      answer = wanted;
      blocks.length = 0;
      const answered = await answerTo(client, request);
      return { block: Buffer.concat(blocks), answered };
    },
  };
}

function addressOf(address: ReturnType<ReturnType<typeof createServer>["address"]>): string {
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return `127.0.0.1:${address.port}`;
}

async function answerTo(
  client: ClientHttp2Session,
  request: OutgoingHttpHeaders,
): Promise<IncomingHttpHeaders> {
  const stream = client.request(request, { endStream: true });
  const [answered] = await once(stream, "response");
  stream.resume();
  if (!stream.closed) await once(stream, "close");
  return answered;
}

function readAll(socket: Socket, onFrame: (frame: ReceivedFrame) => void): void {
  let bytes: Buffer = Buffer.alloc(0);
  let skipped = PREFACE.length;
  socket.on("data", (chunk: Buffer) => {
    const taken = Math.min(skipped, chunk.length);
    skipped -= taken;
    bytes = readFrames(Buffer.concat([bytes, chunk.subarray(taken)]), onFrame);
  });
}
