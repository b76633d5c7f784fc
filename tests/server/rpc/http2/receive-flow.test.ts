import { constants } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { GetMessageRequestSchema } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { describe, expect, it } from "vitest";
import { toGrpcFrame } from "../../../support/bare-call.js";
import { deferred } from "../../../support/deferred.js";
import { callBlock, data, Flags, headers, Type } from "../../../support/raw-frames.js";
import { connectRaw, type RawHttp2 } from "../../../support/raw-http2.js";
import { aborted, EMPTY_REQUEST, GET, PIPELINE, STREAM, start } from "../message-calls.js";

const OK = "0";

/** How much may be sent on a stream, and on a connection, before the receiver makes room for more. */
const WINDOW_BYTES = 65_535;
const FRAME_BYTES = 16_384;
const MEBIBYTE = 1024 * 1024;

/** Gives how much room the server has made on a stream, or on the connection with the id 0. */
function roomMade(client: RawHttp2, streamId: number): number {
  const updates = client.framesOf(Type.WINDOW_UPDATE, streamId);
  return updates.reduce((sum, { payload }) => sum + payload.readUInt32BE(), 0);
}

/** Sends bytes on the first stream of a connection, no more at once than there is room for. */
async function sendAsAllowed(client: RawHttp2, bytes: Buffer, end = Flags.NONE): Promise<void> {
  for (let at = 0; at < bytes.byteLength; ) {
    const room = await client.until(() => {
      const made = Math.min(roomMade(client, 0), roomMade(client, 1));
      return WINDOW_BYTES + made - at || undefined;
    });
    const sent = Math.min(at + room, at + FRAME_BYTES, bytes.byteLength);
    client.send(data(1, bytes.subarray(at, sent), sent === bytes.byteLength ? end : Flags.NONE));
    at = sent;
  }
}

/** Sends so many bytes at once, in frames that are padded by as much as is said. */
function sendAtOnce(client: RawHttp2, streamId: number, byteLength: number, padding = 0): void {
  const around = padding === 0 ? 0 : padding + 1;
  for (let left = byteLength; left > 0; ) {
    const payload = Buffer.alloc(Math.min(left, FRAME_BYTES));
    if (around > 0) payload[0] = padding;
    client.send(data(streamId, payload, around > 0 ? Flags.PADDED : Flags.NONE));
    left -= payload.byteLength;
  }
}

/** Starts a server with a stream of requests of which none is read, and begins that. */
async function startUnread() {
  const over = deferred<void>();
  const { address } = await start({
    async *pipelineAppends(_, { signal }) {
      await aborted(signal);
      over.resolve();
    },
    async *streamMessages() {},
  });
  const client = await connectRaw(address);
  client.send(headers(1, callBlock(PIPELINE)));
  return { client, over: over.promise };
}

describe("what nobody reads", () => {
  it("may have 65,535 bytes", async () => {
    const { client } = await startUnread();

    sendAtOnce(client, 1, WINDOW_BYTES);

    expect(await client.call(3, STREAM)).toBe(OK);
    expect(client.framesOf(Type.WINDOW_UPDATE, 1)).toEqual([]);
  });

  it.each([
    ["more bytes", 0],
    ["more bytes with their padding", 1],
  ])("ends the connection if it has %s", async (_, padding) => {
    const { client, over } = await startUnread();

    sendAtOnce(client, 1, WINDOW_BYTES, padding);
    await client.pinged();
    sendAtOnce(client, 1, 3, padding);

    const code = constants.NGHTTP2_FLOW_CONTROL_ERROR;
    expect(await client.goAway()).toEqual({ lastStreamId: 1, code });
    await client.closed;
    await over;
  });

  it("may be padding, which needs no reader", async () => {
    const { client } = await startUnread();
    const padding = data(1, Buffer.alloc(256, 255), Flags.PADDED);
    const count = 1_000;

    client.send(...Array.from({ length: count }, () => padding));

    expect(await client.call(3, STREAM)).toBe(OK);
    expect(roomMade(client, 1)).toBeGreaterThan(256 * count - WINDOW_BYTES);
  });
});

describe("what is read", () => {
  it("may be a request of 16 MiB", async () => {
    const lengths: number[] = [];
    const { address } = await start(
      {
        async getMessage({ messageId }) {
          lengths.push(messageId.length);
          return {};
        },
      },
      { maxRequestBytes: 32 * MEBIBYTE },
    );
    const client = await connectRaw(address);
    const messageId = "x".repeat(16 * MEBIBYTE);
    const request = create(GetMessageRequestSchema, { messageId });

    client.send(headers(1, callBlock(GET)));
    const body = toGrpcFrame(toBinary(GetMessageRequestSchema, request));
    await sendAsAllowed(client, body, Flags.END_STREAM);

    expect((await client.ending(1))["grpc-status"]).toBe(OK);
    expect(lengths).toEqual([messageId.length]);
  });

  it("may be requests without an end", async () => {
    let requests = 0;
    const { address } = await start({
      async *pipelineAppends(all) {
        for await (const _request of all) requests += 1;
      },
    });
    const client = await connectRaw(address);
    const count = 4_000;
    const bytes = Buffer.concat(Array.from({ length: count }, () => UNKNOWN_FIELD));

    client.send(headers(1, callBlock(PIPELINE)));
    await sendAsAllowed(client, bytes);
    client.send(data(1, Buffer.alloc(0), Flags.END_STREAM));

    expect((await client.ending(1))["grpc-status"]).toBe(OK);
    expect(requests).toBe(count);
  });
});

describe("what is sent to calls that are over", () => {
  const BYTES = 10 * MEBIBYTE;

  it.each([
    ["that has been answered", GET],
    ["of a method that is not known", "/unknown"],
  ])("gives the connection its room back: to one %s", async (_, path) => {
    const { address } = await start({ getMessage: async () => ({}) });
    const client = await connectRaw(address);
    client.send(headers(1, callBlock(path)), data(1, EMPTY_REQUEST, Flags.END_STREAM));
    await client.ending(1);
    const before = roomMade(client, 0);

    sendAtOnce(client, 1, BYTES);
    await client.pinged();

    // The rest is told when it is worth it: a mebibyte has room at any time.
    expect(roomMade(client, 0) - before).toBeGreaterThan(BYTES - MEBIBYTE);
    expect(roomMade(client, 0) - before).toBeLessThanOrEqual(BYTES + EMPTY_REQUEST.byteLength);
    expect(await client.call(3, GET)).toBe(OK);
  });

  it("gives the connection its room back: to calls that leave what they have unread", async () => {
    const { address } = await start({
      async *pipelineAppends(requests) {
        for await (const _request of requests) return;
      },
    });
    const client = await connectRaw(address);
    const before = roomMade(client, 0);
    const calls = Math.ceil(BYTES / WINDOW_BYTES);

    for (let id = 1; id < 2 * calls; id += 2) {
      client.send(headers(id, callBlock(PIPELINE)));
      sendAtOnce(client, id, WINDOW_BYTES);
      expect((await client.ending(id))["grpc-status"]).toBe(OK);
    }

    expect(roomMade(client, 0) - before).toBeGreaterThan(BYTES - MEBIBYTE);
    expect(await client.call(2 * calls + 1, PIPELINE)).toBe(OK);
  });
});

/** A request of 1,000 bytes that none of its fields holds. */
const UNKNOWN_FIELD = toGrpcFrame(
  Buffer.concat([Buffer.from([0xfa, 0x7f, 0xe8, 0x07]), Buffer.alloc(1_000)]),
);
