import { constants } from "node:http2";
import { describe, expect, it } from "vitest";
import { deferred } from "../../../support/deferred.js";
import {
  callBlock,
  data,
  Flags,
  headers,
  KEPT,
  keptField,
  PREFACE,
  settings,
  Type,
} from "../../../support/raw-frames.js";
import { connectRaw, connectSilent } from "../../../support/raw-http2.js";
import { EMPTY_REQUEST, GET, PIPELINE, STREAM, start, waitingCall } from "../message-calls.js";

const OK = "0";
const GRACE_MS = 30_000;
const NO_ERROR = constants.NGHTTP2_NO_ERROR;

/** Starts a server whose unary calls are answered when they are released, and a connection with two. */
async function startWithCalls() {
  const asked: string[] = [];
  const bothAsked = deferred<void>();
  const release = deferred<void>();
  const { address, server } = await start({
    async getMessage() {
      if (asked.push("call") === 2) bothAsked.resolve();
      await release.promise;
      return { message: { id: "m-1" } };
    },
  });
  const client = await connectRaw(address);
  for (const id of [1, 5]) {
    client.send(headers(id, callBlock(GET)), data(id, EMPTY_REQUEST, Flags.END_STREAM));
  }
  await bothAsked.promise;
  return { address, server, client, asked, release };
}

describe("a server that ends", () => {
  it("answers the calls that are under way, and begins no others", async () => {
    const { server, client, asked, release } = await startWithCalls();

    const closed = server.close({ graceMs: GRACE_MS });
    expect(await client.goAway()).toEqual({ lastStreamId: 5, code: NO_ERROR });
    client.send(headers(7, callBlock(GET)), data(7, EMPTY_REQUEST, Flags.END_STREAM));
    await client.pinged();
    release.resolve();

    for (const id of [1, 5]) {
      expect((await client.ending(id))["grpc-status"]).toBe(OK);
      expect(client.byteLengthOf(id)).toBeGreaterThan(EMPTY_REQUEST.byteLength);
    }
    await client.closed;
    await closed;
    expect(asked).toHaveLength(2);
    expect(client.frames.filter(({ streamId }) => streamId === 7)).toEqual([]);
    expect(client.framesOf(Type.GOAWAY, 0)).toHaveLength(1);
  });

  it("takes what comes of streams that began before, though it refers to headers of later ones", async () => {
    const asked = deferred<void>();
    const { address, server } = await start({
      async *pipelineAppends(requests) {
        asked.resolve();
        for await (const _request of requests) yield {};
      },
      async getMessage() {
        await asked.promise;
        return {};
      },
    });
    const client = await connectRaw(address);
    client.send(headers(1, callBlock(GET)));
    client.send(headers(3, callBlock(PIPELINE)));
    await asked.promise;

    const closed = server.close({ graceMs: GRACE_MS });
    await client.goAway();
    client.send(headers(5, Buffer.concat([callBlock(GET), keptField("x-name", "value")])));
    client.send(data(1, EMPTY_REQUEST));
    client.send(headers(1, KEPT, Flags.END_HEADERS | Flags.END_STREAM));

    expect((await client.ending(1))["grpc-status"]).toBe(OK);
    await closed;
    await client.closed;
  });

  it("ends connections without calls at once", async () => {
    const { address, server } = await start({ async *streamMessages() {} });
    const client = await connectRaw(address);
    expect(await client.call(9, STREAM)).toBe(OK);

    await server.close({ graceMs: GRACE_MS });

    expect(await client.goAway()).toEqual({ lastStreamId: 9, code: NO_ERROR });
    await client.closed;
  });

  it("ends connections that have not begun to speak", async () => {
    const { address, server } = await start({});
    const client = connectSilent(address);
    await client.until(() => client.framesOf(Type.SETTINGS, 0)[0]);

    await server.close({ graceMs: GRACE_MS });

    expect(await client.goAway()).toEqual({ lastStreamId: 0, code: NO_ERROR });
    await client.closed;
  });

  it("ends connections whose client breaks the rules meanwhile", async () => {
    const { server, client } = await startWithCalls();

    const closed = server.close({ graceMs: GRACE_MS });
    await client.goAway();
    client.send(headers(0, callBlock(GET)));

    await closed;
    await client.closed;
    const codes = client.framesOf(Type.GOAWAY, 0).map(({ payload }) => payload.readUInt32BE(4));
    expect(codes).toEqual([NO_ERROR, constants.NGHTTP2_PROTOCOL_ERROR]);
  });
});

describe("a connection", () => {
  it("begins with the settings of the server, whatever the client does", async () => {
    const { address } = await start({});
    const client = connectSilent(address);

    client.send(PREFACE, settings());
    await client.pinged();

    const [first, second] = client.frames;
    expect(first).toMatchObject({ type: Type.SETTINGS, flags: Flags.NONE, streamId: 0 });
    expect(second).toMatchObject({ type: Type.WINDOW_UPDATE, streamId: 0 });
    const acknowledged = client.framesOf(Type.SETTINGS, 0).map(({ flags }) => flags);
    expect(acknowledged).toEqual([Flags.NONE, Flags.ACK]);
  });

  it("that is cut tells its calls so", async () => {
    const { getMessage, asked, over } = waitingCall();
    const { address } = await start({ getMessage });
    const client = await connectRaw(address);
    client.send(headers(1, callBlock(GET)), data(1, EMPTY_REQUEST, Flags.END_STREAM));
    await asked;

    client.socket.resetAndDestroy();

    await over;
  });
});
