import { once } from "node:events";
import { constants } from "node:http2";
import { describe, expect, it } from "vitest";
import {
  callBlock,
  data,
  Flags,
  frame,
  headers,
  initialWindow,
  PREFACE,
  reset,
  settings,
  Type,
  windowUpdate,
} from "../../../support/raw-frames.js";
import { connectRaw, connectSilent } from "../../../support/raw-http2.js";
import { GET, STREAM, start, waitingCall } from "../message-calls.js";

const {
  NGHTTP2_COMPRESSION_ERROR,
  NGHTTP2_ENHANCE_YOUR_CALM,
  NGHTTP2_FLOW_CONTROL_ERROR,
  NGHTTP2_PROTOCOL_ERROR,
  NGHTTP2_SETTINGS_ENABLE_PUSH,
  NGHTTP2_SETTINGS_MAX_FRAME_SIZE,
} = constants;

const OK = "0";
const MAX_WINDOW_BYTES = 2 ** 31 - 1;
const WINDOW_BYTES = 65_535;
const NOTHING = Buffer.alloc(0);

/** The stream of the call that is under way. */
const CALL = 5;
const NEXT = 7;

const BEGUN = headers(NEXT, callBlock(GET), Flags.NONE);

function continuation(streamId: number, payload: Buffer = NOTHING): Buffer {
  return frame(Type.CONTINUATION, Flags.NONE, streamId, payload);
}

function ping(streamId: number): Buffer {
  return frame(Type.PING, Flags.NONE, streamId, Buffer.alloc(8));
}

/** Starts a server with a call under way on one connection, and another connection. */
async function startWithCall() {
  const { getMessage, asked, over } = waitingCall();
  const { address, log } = await start({
    getMessage,
    async *streamMessages() {},
  });
  const client = await connectRaw(address);
  const other = await connectRaw(address);
  client.send(headers(CALL, callBlock(GET)), data(CALL, Buffer.alloc(5), Flags.END_STREAM));
  await asked;
  return { client, other, over, log };
}

async function expectEnd(frames: readonly Buffer[], code: number): Promise<void> {
  const { client, other, over, log } = await startWithCall();

  client.send(...frames);

  expect(await client.goAway()).toEqual({ lastStreamId: CALL, code });
  await client.closed;
  await over;
  expect(await other.call(1, STREAM)).toBe(OK);
  expect(log.errors).toEqual([]);
}

describe("a connection ends with PROTOCOL_ERROR, and its calls with it,", () => {
  it.each<[string, ...Buffer[]]>([
    ["by DATA of no stream", data(0, Buffer.alloc(5))],
    ["by HEADERS of no stream", headers(0, callBlock(GET))],
    ["by RST_STREAM of no stream", reset(0)],
    ["by CONTINUATION of no stream", continuation(0)],
    ["by SETTINGS of a stream", frame(Type.SETTINGS, Flags.NONE, CALL)],
    ["by SETTINGS of a stream that are acknowledged", frame(Type.SETTINGS, Flags.ACK, CALL)],
    ["by PING of a stream", ping(CALL)],
    ["by PUSH_PROMISE", frame(Type.PUSH_PROMISE, Flags.END_HEADERS, CALL, Buffer.alloc(4))],
    ["by CONTINUATION behind nothing", continuation(CALL)],
    ["by CONTINUATION of another stream", BEGUN, continuation(NEXT + 2)],
    ["by DATA within a block", BEGUN, data(CALL, NOTHING)],
    ["by DATA of the same stream within a block", BEGUN, data(NEXT, NOTHING)],
    ["by HEADERS within a block", BEGUN, BEGUN],
    ["by PING within a block", BEGUN, ping(0)],
    ["by what is not known within a block", BEGUN, frame(0x42, 0, NEXT)],
    ["by a stream of an even number", headers(CALL + 1, callBlock(GET))],
    ["by a window that is to be wider by nothing", windowUpdate(0, 0)],
    ["by a setting of push that is no switch", settings([NGHTTP2_SETTINGS_ENABLE_PUSH, 2])],
    ["by frames that are to be too small", settings([NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 16_383])],
    ["by frames that are to be too large", settings([NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 2 ** 24])],
  ])("%s", async (_, ...frames) => {
    await expectEnd(frames, NGHTTP2_PROTOCOL_ERROR);
  });
});

describe("a connection ends with FLOW_CONTROL_ERROR, and its calls with it,", () => {
  it.each<[string, ...Buffer[]]>([
    ["by a window that is too wide", windowUpdate(0, MAX_WINDOW_BYTES - WINDOW_BYTES + 1)],
    ["by a first window that is too wide", initialWindow(MAX_WINDOW_BYTES + 1)],
    [
      "by a first window that makes one of a stream too wide",
      windowUpdate(CALL, MAX_WINDOW_BYTES - WINDOW_BYTES),
      initialWindow(WINDOW_BYTES + 1),
    ],
  ])("%s", async (_, ...frames) => {
    await expectEnd(frames, NGHTTP2_FLOW_CONTROL_ERROR);
  });
});

describe("a connection without calls", () => {
  it("ends with FLOW_CONTROL_ERROR by a first window that is too wide", async () => {
    const { address } = await start({});
    const client = await connectRaw(address);

    client.send(initialWindow(MAX_WINDOW_BYTES + 1));

    const code = NGHTTP2_FLOW_CONTROL_ERROR;
    expect(await client.goAway()).toEqual({ lastStreamId: 0, code });
    await client.closed;
  });
});

describe("a connection ends with COMPRESSION_ERROR, and its calls with it,", () => {
  const unknownField = Buffer.from([0x80 | 70]);

  it.each([
    ["of a new stream", headers(NEXT, unknownField)],
    ["of a stream that is there", headers(CALL, unknownField)],
    ["of a stream that has been passed over", headers(1, unknownField)],
    ["that is cut off", headers(NEXT, callBlock(GET).subarray(0, -1))],
  ])("by a block that cannot be decoded %s", async (_, block) => {
    await expectEnd([block], NGHTTP2_COMPRESSION_ERROR);
  });
});

describe("a connection ends with ENHANCE_YOUR_CALM, and its calls with it,", () => {
  it.each([
    ["in many frames without a byte", Array.from({ length: 100 }, () => continuation(NEXT))],
    [
      "in frames with very many bytes",
      Array.from({ length: 17 }, () => continuation(NEXT, Buffer.alloc(16_384))),
    ],
  ])("by a block without an end %s", async (_, parts) => {
    await expectEnd([BEGUN, ...parts], NGHTTP2_ENHANCE_YOUR_CALM);
  });
});

describe("what is allowed, though barely,", () => {
  it.each<[string, ...Buffer[]]>([
    ["is the widest window", windowUpdate(0, MAX_WINDOW_BYTES - WINDOW_BYTES)],
    ["is the widest window of a stream", windowUpdate(CALL, MAX_WINDOW_BYTES - WINDOW_BYTES)],
    ["is the widest first window", initialWindow(MAX_WINDOW_BYTES)],
    ["are the smallest frames", settings([NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 16_384])],
    ["are the largest frames", settings([NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 2 ** 24 - 1])],
    ["is a setting of push", settings([NGHTTP2_SETTINGS_ENABLE_PUSH, 1])],
  ])("%s", async (_, ...frames) => {
    const { client } = await startWithCall();

    client.send(...frames);

    expect(await client.call(NEXT, STREAM)).toBe(OK);
  });

  it("is a block in many frames, in the middle of a field", async () => {
    const { client } = await startWithCall();
    const block = callBlock(STREAM);
    const at = [0, 1, 2, 3, 20, 21, 40, block.byteLength];

    for (const [index, start] of at.slice(0, -1).entries()) {
      const flags = index === at.length - 2 ? Flags.END_HEADERS : Flags.NONE;
      const type = index === 0 ? Type.HEADERS : Type.CONTINUATION;
      client.send(frame(type, flags, NEXT, block.subarray(start, at[index + 1])));
    }
    client.send(data(NEXT, Buffer.alloc(5), Flags.END_STREAM));

    expect((await client.ending(NEXT))["grpc-status"]).toBe(OK);
  });
});

describe("who does not begin as a client of HTTP/2 must", () => {
  it.each<[string, ...Buffer[]]>([
    ["speaks HTTP/1.1", Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")],
    ["speaks TLS", Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01])],
    ["has one wrong byte in the preface", PREFACE.subarray(0, -1), Buffer.from("\r"), settings()],
    ["leaves out the preface", settings()],
    ["leaves out the settings", PREFACE, ping(0)],
    ["begins a stream before the settings", PREFACE, headers(1, callBlock(STREAM)), settings()],
    ["acknowledges settings first", PREFACE, frame(Type.SETTINGS, Flags.ACK, 0)],
  ])("is told so, and the connection ends: who %s", async (_, ...parts) => {
    const { address, log } = await start({ async *streamMessages() {} });
    const other = await connectRaw(address);
    const client = connectSilent(address);

    client.send(...parts);

    expect(await client.goAway()).toEqual({ lastStreamId: 0, code: NGHTTP2_PROTOCOL_ERROR });
    await client.closed;
    expect(await other.call(1, STREAM)).toBe(OK);
    expect(log.errors).toEqual([]);
  });

  it("is cut even if it does not end", async () => {
    const { address } = await start({});
    const client = connectSilent(address, true);

    client.send(PREFACE, ping(0));
    await once(client.socket, "end");
    // Only who writes hears that nobody is there.
    while (!client.socket.destroyed) {
      await new Promise((resolve) => client.socket.write(Buffer.alloc(1), resolve));
    }

    expect(await client.goAway()).toEqual({ lastStreamId: 0, code: NGHTTP2_PROTOCOL_ERROR });
  });
});
