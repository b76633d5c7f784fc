import { constants } from "node:http2";
import { describe, expect, it } from "vitest";
import { encodeHeaders } from "../../../../server/src/rpc/http2/hpack/header-encoder.js";
import {
  callBlock,
  callBlockOf,
  data,
  Flags,
  headers,
  KEPT,
  keptField,
  reset,
  Type,
  windowUpdate,
} from "../../../support/raw-frames.js";
import { connectRaw, type RawHttp2 } from "../../../support/raw-http2.js";
import { EMPTY_REQUEST, GET, PIPELINE, STREAM, start, waitingCall } from "../message-calls.js";

const {
  NGHTTP2_FLOW_CONTROL_ERROR,
  NGHTTP2_PROTOCOL_ERROR,
  NGHTTP2_REFUSED_STREAM,
  NGHTTP2_STREAM_CLOSED,
} = constants;

const OK = "0";
const NOTHING = Buffer.alloc(0);
/** A pseudo-header that only an extension has, which is not offered. */
const PROTOCOL = keptField(":protocol", "websocket");
const LAST = Flags.END_HEADERS | Flags.END_STREAM;
const MAX_WINDOW_BYTES = 2 ** 31 - 1;

/** Starts a server whose unary calls last until they are given up, and a connection with one such. */
async function startWithCall() {
  const { getMessage, asked, over } = waitingCall();
  const { address } = await start({
    getMessage,
    async *streamMessages() {},
    async *pipelineAppends(requests) {
      for await (const _request of requests) yield {};
    },
  });
  const client = await connectRaw(address);
  client.send(headers(1, callBlock(GET)), data(1, EMPTY_REQUEST, Flags.END_STREAM));
  await asked;
  return { client, over };
}

/** Makes a call whose path is a field that was kept before, which shows that it was. */
async function callKeptPath(client: RawHttp2, streamId: number): Promise<string | undefined> {
  client.send(headers(streamId, callBlockOf(KEPT)));
  client.send(data(streamId, EMPTY_REQUEST, Flags.END_STREAM));
  return (await client.ending(streamId))["grpc-status"];
}

const PSEUDO = [
  [":method", "POST"],
  [":scheme", "http"],
  [":path", STREAM],
] as const;

it("sends nothing behind an answer to a client that has ended its part", async () => {
  const { client } = await startWithCall();

  client.send(headers(3, callBlock("/unknown"), LAST));
  client.send(
    headers(5, callBlock(STREAM)),
    data(5, Buffer.from([9, 0, 0, 0, 0]), Flags.END_STREAM),
  );
  client.send(headers(7, encodeHeaders(PSEUDO), LAST));
  for (const id of [3, 5, 7]) await client.ending(id);
  await client.pinged();

  for (const id of [3, 5, 7]) expect(client.framesOf(Type.RST_STREAM, id)).toEqual([]);
});

describe("headers that no call may have", () => {
  it.each(PSEUDO.map(([name]) => name))("lack %s", async (missing) => {
    const { client } = await startWithCall();

    client.send(headers(3, encodeHeaders(PSEUDO.filter(([name]) => name !== missing)), LAST));

    expect(await client.resetCode(3)).toBe(NGHTTP2_PROTOCOL_ERROR);
    await client.pinged();
  });

  it.each([
    ["a name in upper case", callBlock(STREAM, [["X-Name", "value"]])],
    ["a field of HTTP/1.1's connections", callBlock(STREAM, [["connection", "close"]])],
    ["a value with a line break", callBlock(STREAM, [["x-name", "two\nlines"]])],
    ["te with something else than trailers", callBlock(STREAM, [["te", "gzip"]])],
    ["a pseudo-header behind others", callBlock(STREAM, [[":authority", "somebody"]])],
    ["a pseudo-header that is not known", Buffer.concat([PROTOCOL, callBlock(STREAM)])],
    ["a pseudo-header twice", Buffer.concat([callBlock(STREAM).subarray(0, 1), callBlock(STREAM)])],
  ])("reset the stream, and nothing else: %s", async (_, block) => {
    const { client } = await startWithCall();

    client.send(headers(3, Buffer.concat([block, keptField(":path", STREAM)])));
    client.send(data(3, EMPTY_REQUEST, Flags.END_STREAM));

    expect(await client.resetCode(3)).toBe(NGHTTP2_PROTOCOL_ERROR);
    expect(await callKeptPath(client, 5)).toBe(OK);
    expect(client.framesOf(Type.HEADERS, 3)).toEqual([]);
    expect(client.framesOf(Type.RST_STREAM, 1)).toEqual([]);
  });
});

describe("a client that breaks the rules of a stream", () => {
  it.each<[string, number, Buffer]>([
    ["sends DATA behind its end", NGHTTP2_STREAM_CLOSED, data(1, NOTHING)],
    ["sends headers behind its end", NGHTTP2_PROTOCOL_ERROR, headers(1, callBlock(GET), LAST)],
    ["makes its window wider by nothing", NGHTTP2_PROTOCOL_ERROR, windowUpdate(1, 0)],
    ["makes its window too wide", NGHTTP2_FLOW_CONTROL_ERROR, windowUpdate(1, MAX_WINDOW_BYTES)],
  ])("loses the call, and no other: who %s", async (_, code, broken) => {
    const { client, over } = await startWithCall();

    client.send(broken);

    expect(await client.resetCode(1)).toBe(code);
    await over;
    expect(await client.call(3, STREAM)).toBe(OK);
    expect(client.framesOf(Type.HEADERS, 1)).toEqual([]);
    expect(client.framesOf(Type.RST_STREAM, 1)).toHaveLength(1);
  });
});

describe("trailers of a client", () => {
  const trailers = Buffer.concat([keptField("x-kept", "value"), keptField(":path", STREAM)]);

  it("end its requests", async () => {
    const { client } = await startWithCall();

    client.send(headers(3, callBlock(PIPELINE)), data(3, EMPTY_REQUEST));
    client.send(headers(3, keptField("x-checksum", "value"), LAST));

    expect((await client.ending(3))["grpc-status"]).toBe(OK);
    expect(client.bytesOf(3)).toEqual(EMPTY_REQUEST);
  });

  it("reset the stream if they do not end it", async () => {
    const { client } = await startWithCall();

    client.send(headers(3, callBlock(PIPELINE)), headers(3, keptField("x-name", "value")));

    expect(await client.resetCode(3)).toBe(NGHTTP2_PROTOCOL_ERROR);
  });

  it.each([
    ["malformed", 3],
    ["of a stream that is over", 1],
    ["of a stream that has been passed over", 5],
  ])("are decoded, since later headers refer to them, where they are %s", async (_, streamId) => {
    const { client } = await startWithCall();
    client.send(reset(1), headers(3, callBlock(PIPELINE)));
    expect(await client.call(7, STREAM)).toBe(OK);

    client.send(headers(streamId, trailers, LAST));

    expect(await callKeptPath(client, 9)).toBe(OK);
  });
});

describe("what a client sends of a stream that is not there", () => {
  it.each<[string, (streamId: number) => Buffer]>([
    ["DATA", (streamId) => data(streamId, EMPTY_REQUEST)],
    ["the end of DATA", (streamId) => data(streamId, NOTHING, Flags.END_STREAM)],
    ["RST_STREAM", reset],
    ["WINDOW_UPDATE", (streamId) => windowUpdate(streamId, 1_000)],
    ["WINDOW_UPDATE by nothing", (streamId) => windowUpdate(streamId, 0)],
    ["WINDOW_UPDATE by very much", (streamId) => windowUpdate(streamId, MAX_WINDOW_BYTES)],
  ])("is ignored: %s", async (_, make) => {
    const { client } = await startWithCall();
    expect(await client.call(5, STREAM)).toBe(OK);
    client.frames.length = 0;

    for (const streamId of [2, 3, 5, 99]) {
      for (let count = 0; count < 1_100; count += 1) client.send(make(streamId));
    }
    await client.pinged();

    expect(client.frames.filter(({ type }) => type !== Type.PING)).toEqual([]);
    expect(await client.call(7, STREAM)).toBe(OK);
  });

  it("is ignored: headers of a stream that is over", async () => {
    const { client } = await startWithCall();
    expect(await client.call(5, STREAM)).toBe(OK);
    client.frames.length = 0;

    client.send(headers(5, callBlock(STREAM), LAST), headers(3, callBlock(STREAM), LAST));
    await client.pinged();

    expect(client.frames.map(({ type }) => type)).toEqual([Type.PING]);
  });
});

describe("a connection with 1,000 streams", () => {
  const MAX_STREAMS = 1_000;

  it("begins no other before one of them is over", async () => {
    const { client } = await startWithCall();
    client.send(reset(1));
    const ids = Array.from({ length: MAX_STREAMS }, (_, index) => 3 + 2 * index);
    client.send(...ids.map((id) => headers(id, callBlock(PIPELINE))));
    await client.pinged();
    expect(client.frames.filter(({ type }) => type === Type.RST_STREAM)).toEqual([]);

    client.send(headers(3001, callBlockOf(keptField(":path", STREAM))));
    expect(await client.resetCode(3001)).toBe(NGHTTP2_REFUSED_STREAM);
    client.send(reset(3));

    expect(await callKeptPath(client, 3003)).toBe(OK);
    client.send(...ids.slice(1).map((id) => data(id, EMPTY_REQUEST, Flags.END_STREAM)));
    for (const id of ids.slice(1)) expect((await client.ending(id))["grpc-status"]).toBe(OK);
  });
});
