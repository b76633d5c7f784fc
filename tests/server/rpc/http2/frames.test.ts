import { constants } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { GetMessageRequestSchema } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { describe, expect, it } from "vitest";
import { toGrpcFrame } from "../../../support/bare-call.js";
import {
  callBlock,
  data,
  Flags,
  frame,
  headers,
  PREFACE,
  settings,
  Type,
  wholeCall,
} from "../../../support/raw-frames.js";
import { connectRaw, connectSilent } from "../../../support/raw-http2.js";
import { EMPTY_REQUEST, GET, PIPELINE, start } from "../message-calls.js";

const { NGHTTP2_FRAME_SIZE_ERROR, NGHTTP2_PROTOCOL_ERROR } = constants;

const OK = "0";
const MAX_FRAME_BYTES = 16_384;
const PRIORITY = Buffer.from([0, 0, 0, 0, 15]);

/** Puts padding around what a frame carries. */
function padded(payload: Uint8Array, padding: number): Buffer {
  return Buffer.concat([Buffer.from([padding]), payload, Buffer.alloc(padding, 0xee)]);
}

/** Starts a server that keeps what it is asked for. */
async function startKeeping() {
  const asked: string[] = [];
  let requests = 0;
  const { address } = await start({
    async getMessage({ messageId }) {
      asked.push(messageId);
      return {};
    },
    async *pipelineAppends(all) {
      for await (const _request of all) requests += 1;
    },
  });
  return { address, asked, requests: () => requests };
}

function toRequest(messageId: string): Buffer {
  const request = create(GetMessageRequestSchema, { messageId });
  return toGrpcFrame(toBinary(GetMessageRequestSchema, request));
}

describe("a frame", () => {
  it("may come byte by byte, and so may the preface", async () => {
    const { address, asked } = await startKeeping();
    const other = await connectRaw(address);
    const client = connectSilent(address);
    // The server has accepted the connection.
    await client.until(() => client.framesOf(Type.SETTINGS, 0)[0]);

    for (const byte of Buffer.concat([PREFACE, settings(), wholeCall(1, GET, toRequest("m-1"))])) {
      client.send(Buffer.from([byte]));
      await other.pinged();
    }

    expect((await client.ending(1))["grpc-status"]).toBe(OK);
    expect(asked).toEqual(["m-1"]);
  });

  it("may be as large as 16,384 bytes", async () => {
    const { address, requests } = await startKeeping();
    const client = await connectRaw(address);
    const count = MAX_FRAME_BYTES / 4;
    const body = Buffer.alloc(EMPTY_REQUEST.byteLength * count);

    client.send(headers(1, callBlock(PIPELINE)));
    for (let at = 0; at < body.byteLength; at += MAX_FRAME_BYTES) {
      client.send(data(1, body.subarray(at, at + MAX_FRAME_BYTES)));
    }
    client.send(data(1, Buffer.alloc(0), Flags.END_STREAM));

    expect((await client.ending(1))["grpc-status"]).toBe(OK);
    expect(requests()).toBe(count);
  });

  it.each([
    ["of a type that is not known", frame(0x42, 0xff, 1, Buffer.from("whatever"))],
    ["of PRIORITY", frame(Type.PRIORITY, Flags.NONE, 1, PRIORITY)],
    ["of PRIORITY_UPDATE", frame(0x10, Flags.NONE, 0, Buffer.from("\0\0\0\x01u=0"))],
    ["of GOAWAY", frame(Type.GOAWAY, Flags.NONE, 0, Buffer.alloc(8))],
    ["of PING that answers nothing", frame(Type.PING, Flags.ACK, 0, Buffer.alloc(8))],
    ["of SETTINGS that are not known", settings([0x4242, 7], [0x8, 1])],
    ["of SETTINGS that are acknowledged", frame(Type.SETTINGS, Flags.ACK, 0)],
  ])("%s changes nothing", async (_, ignored) => {
    const { address, asked } = await startKeeping();
    const client = await connectRaw(address);

    client.send(ignored, headers(1, callBlock(GET)), ignored);
    client.send(data(1, toRequest("m-1"), Flags.END_STREAM), ignored);

    expect((await client.ending(1))["grpc-status"]).toBe(OK);
    expect(asked).toEqual(["m-1"]);
    expect(await client.call(3, GET)).toBe(OK);
    // The answer to the client's own, when it connected.
    expect(client.framesOf(Type.PING, 0)).toHaveLength(1);
  });

  it("of PING is answered with what it carries", async () => {
    const { address } = await startKeeping();
    const client = await connectRaw(address);
    client.frames.length = 0;

    client.send(frame(Type.PING, Flags.NONE, 0, Buffer.from("abcdefgh")));

    const { flags, payload } = await client.until(() => client.framesOf(Type.PING, 0)[0]);
    expect(flags).toBe(Flags.ACK);
    expect(payload.toString()).toBe("abcdefgh");
  });

  it.each([0, 1, 255])("may have %i bytes of padding, and a priority", async (padding) => {
    const { address, asked } = await startKeeping();
    const client = await connectRaw(address);
    const block = Buffer.concat([PRIORITY, callBlock(GET)]);
    const flags = Flags.END_HEADERS | Flags.PADDED | Flags.PRIORITY;

    client.send(headers(1, padded(block, padding), flags));
    client.send(data(1, padded(Buffer.alloc(0), padding), Flags.PADDED));
    client.send(data(1, padded(toRequest("m-1"), padding), Flags.PADDED | Flags.END_STREAM));

    expect((await client.ending(1))["grpc-status"]).toBe(OK);
    expect(asked).toEqual(["m-1"]);
  });

  const tooShort = padded(Buffer.alloc(10), 0);
  tooShort[0] = 11;
  const tooShortForPriority = padded(Buffer.alloc(10), 0);
  tooShortForPriority[0] = 6;
  it.each([
    ["DATA with more padding than bytes", data(1, tooShort, Flags.PADDED)],
    ["DATA without the byte that says how much padding", data(1, Buffer.alloc(0), Flags.PADDED)],
    ["HEADERS with more padding than bytes", headers(3, tooShort, Flags.PADDED)],
    [
      "HEADERS with a priority and more padding than other bytes",
      headers(3, tooShortForPriority, Flags.PADDED | Flags.PRIORITY),
    ],
    ["HEADERS without the priority that they say", headers(3, Buffer.alloc(4), Flags.PRIORITY)],
  ])("ends the connection that is shorter than it says: %s", async (_, malformed) => {
    const { address } = await startKeeping();
    const client = await connectRaw(address);
    client.send(headers(1, callBlock(PIPELINE)));

    client.send(malformed);

    expect(await client.goAway()).toEqual({ lastStreamId: 1, code: NGHTTP2_PROTOCOL_ERROR });
    await client.closed;
  });

  it.each([
    ["DATA of 16,385 bytes", data(1, Buffer.alloc(MAX_FRAME_BYTES + 1))],
    ["an unknown one of 16,385 bytes", frame(0x42, 0, 0, Buffer.alloc(MAX_FRAME_BYTES + 1))],
    ["PING of 7 bytes", frame(Type.PING, Flags.NONE, 0, Buffer.alloc(7))],
    ["PING of 9 bytes", frame(Type.PING, Flags.NONE, 0, Buffer.alloc(9))],
    ["PING that answers with 7 bytes", frame(Type.PING, Flags.ACK, 0, Buffer.alloc(7))],
    ["RST_STREAM of 3 bytes", frame(Type.RST_STREAM, Flags.NONE, 1, Buffer.alloc(3))],
    ["RST_STREAM of 5 bytes", frame(Type.RST_STREAM, Flags.NONE, 1, Buffer.alloc(5))],
    ["WINDOW_UPDATE of 3 bytes", frame(Type.WINDOW_UPDATE, Flags.NONE, 1, Buffer.alloc(3))],
    ["WINDOW_UPDATE of 5 bytes", frame(Type.WINDOW_UPDATE, Flags.NONE, 0, Buffer.alloc(5))],
    ["SETTINGS of 5 bytes", frame(Type.SETTINGS, Flags.NONE, 0, Buffer.alloc(5))],
    ["SETTINGS of 7 bytes", frame(Type.SETTINGS, Flags.NONE, 0, Buffer.alloc(7))],
    ["SETTINGS that acknowledge with bytes", frame(Type.SETTINGS, Flags.ACK, 0, Buffer.alloc(6))],
  ])("of a wrong size ends the connection: %s", async (_, malformed) => {
    const { address } = await startKeeping();
    const client = await connectRaw(address);
    client.send(headers(1, callBlock(PIPELINE)));

    client.send(malformed);

    expect(await client.goAway()).toEqual({ lastStreamId: 1, code: NGHTTP2_FRAME_SIZE_ERROR });
    await client.closed;
  });
});
