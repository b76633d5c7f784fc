import { once } from "node:events";
import type { ClientHttp2Session, IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http2";
import { createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";
import { connectHttp2 } from "../../../support/connect-http2.js";

const PREFACE_BYTES = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".length;
const FRAME_HEADER_BYTES = 9;
const PRIORITY_BYTES = 5;

const HEADERS = 1;
const SETTINGS = 4;
const CONTINUATION = 9;

const ACK = 0x1;
const END_STREAM = 0x1;
const END_HEADERS = 0x4;
const PRIORITY = 0x20;

const HEADER_TABLE_SIZE = 1;

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
    socket.write(frame(SETTINGS, 0, 0, tableSize(tableBytes)));
    readFrames(socket, ({ type, flags, streamId, payload }) => {
      if (type === SETTINGS && (flags & ACK) === 0) socket.write(frame(SETTINGS, ACK, 0));
      if (type === HEADERS) {
        blocks.push((flags & PRIORITY) === 0 ? payload : payload.subarray(PRIORITY_BYTES));
      }
      if (type === CONTINUATION) blocks.push(payload);
      if ((type === HEADERS || type === CONTINUATION) && (flags & END_HEADERS) !== 0) {
        socket.write(frame(HEADERS, END_HEADERS | END_STREAM, streamId, answer));
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

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

function readFrames(socket: Socket, onFrame: (frame: Frame) => void): void {
  let bytes: Buffer = Buffer.alloc(0);
  let skipped = PREFACE_BYTES;
  socket.on("data", (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    const taken = Math.min(skipped, bytes.length);
    skipped -= taken;
    bytes = bytes.subarray(taken);
    while (bytes.length >= FRAME_HEADER_BYTES) {
      const end = FRAME_HEADER_BYTES + bytes.readUIntBE(0, 3);
      if (bytes.length < end) return;
      onFrame({
        type: bytes.readUInt8(3),
        flags: bytes.readUInt8(4),
        streamId: bytes.readUInt32BE(5),
        payload: Buffer.from(bytes.subarray(FRAME_HEADER_BYTES, end)),
      });
      bytes = bytes.subarray(end);
    }
  });
}

function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUIntBE(payload.length, 0, 3);
  header.writeUInt8(type, 3);
  header.writeUInt8(flags, 4);
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, payload]);
}

function tableSize(bytes: number): Buffer {
  const setting = Buffer.alloc(6);
  setting.writeUInt16BE(HEADER_TABLE_SIZE, 0);
  setting.writeUInt32BE(bytes, 2);
  return setting;
}
