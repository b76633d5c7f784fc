import { constants } from "node:http2";
import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { deferred } from "../../../support/deferred.js";
import {
  callBlock,
  data,
  Flags,
  headers,
  headersInParts,
  initialWindow,
  reset,
  Type,
  wholeCall,
  windowUpdate,
} from "../../../support/raw-frames.js";
import { connectRaw } from "../../../support/raw-http2.js";
import {
  aborted,
  detailsIn,
  EMPTY_REQUEST,
  GET,
  PIPELINE,
  STREAM,
  start,
} from "../message-calls.js";

const OK = "0";
const MAX_WINDOW_BYTES = 2 ** 31 - 1;
const MAX_STREAMS = 1_000;

/** How many bytes the headers of a call may have, with 32 for each field. */
const MAX_LIST_BYTES = 64 * 1024;

/** How often a client may make work for nothing at once, and more than it may, however long that takes. */
const ALLOWED_TIMES = 900;
const TOO_MANY_TIMES = 3_000;

/** Starts a server whose unary calls last until they are given up. */
function startWaiting() {
  return start({
    async getMessage(_, { signal }) {
      await aborted(signal);
      return {};
    },
    async *streamMessages() {},
    async *pipelineAppends(requests) {
      for await (const _request of requests) yield {};
    },
  });
}

describe("headers", () => {
  const field = (byteLength: number) => ["x-large", "v".repeat(byteLength)] as const;

  it("of more than 64 KiB are answered RESOURCE_EXHAUSTED, and the connection lives", async () => {
    const { address } = await startWaiting();
    const client = await connectRaw(address);

    client.send(headersInParts(1, callBlock(STREAM, [field(MAX_LIST_BYTES)])));

    const ending = await client.ending(1);
    expect(ending["grpc-status"]).toBe(String(status.RESOURCE_EXHAUSTED));
    expect(detailsIn(ending).info).toMatchObject({ reason: "HEADERS_TOO_LARGE" });
    expect(await client.call(3, STREAM)).toBe(OK);
  });

  it("of almost 64 KiB are taken", async () => {
    const { address } = await startWaiting();
    const client = await connectRaw(address);

    client.send(headersInParts(1, callBlock(STREAM, [field(MAX_LIST_BYTES - 1_000)]), 1_500));
    client.send(data(1, EMPTY_REQUEST, Flags.END_STREAM));

    expect((await client.ending(1))["grpc-status"]).toBe(OK);
  });

  it("are taken again and again, however many bytes all of them have", async () => {
    const { address } = await startWaiting();
    const client = await connectRaw(address);
    const block = callBlock(STREAM, [field(MAX_LIST_BYTES - 1_000)]);

    for (let id = 1; id < 60; id += 2) {
      client.send(headersInParts(id, block), data(id, EMPTY_REQUEST, Flags.END_STREAM));
    }

    for (let id = 1; id < 60; id += 2) expect((await client.ending(id))["grpc-status"]).toBe(OK);
  });
});

describe("a client", () => {
  const begun = (streamId: number) => headers(streamId, callBlock(PIPELINE));
  const last = Flags.END_HEADERS | Flags.END_STREAM;
  const kinds: [string, (streamId: number) => Buffer[]][] = [
    ["resets", (id) => [begun(id), reset(id)]],
    [
      "has reset by a window that is to be wider by nothing",
      (id) => [begun(id), windowUpdate(id, 0)],
    ],
    [
      "has reset by a window that is too wide",
      (id) => [begun(id), windowUpdate(id, MAX_WINDOW_BYTES)],
    ],
    ["has reset by DATA behind their end", (id) => [wholeCall(id, GET), data(id, EMPTY_REQUEST)]],
    [
      "has reset by headers behind their end",
      (id) => [wholeCall(id, GET), headers(id, callBlock(GET), last)],
    ],
    ["has reset by trailers that are no end", (id) => [begun(id), begun(id)]],
  ];
  const resets = (count: number, make: (streamId: number) => Buffer[]) =>
    Array.from({ length: count }, (_, index) => make(1 + 2 * index)).flat();

  it.each(kinds)("may begin 900 streams at once that it %s", async (_, make) => {
    const { address } = await startWaiting();
    const client = await connectRaw(address);

    client.send(...resets(ALLOWED_TIMES, make));

    expect(await client.call(2 * TOO_MANY_TIMES + 1, STREAM)).toBe(OK);
    expect(client.framesOf(Type.GOAWAY, 0)).toEqual([]);
  });

  it.each(kinds)(
    "is sent away that begins thousands of streams at once that it %s",
    async (_, make) => {
      const { address } = await startWaiting();
      const client = await connectRaw(address);

      client.send(...resets(TOO_MANY_TIMES, make));

      const { code, lastStreamId } = await client.goAway();
      expect(code).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      expect(lastStreamId).toBeGreaterThan(2 * ALLOWED_TIMES);
      expect(lastStreamId).toBeLessThan(2 * TOO_MANY_TIMES);
      await client.closed;
    },
  );

  it("may reset streams that have been answered as often as it likes", async () => {
    const { address } = await startWaiting();
    const client = await connectRaw(address);

    client.send(...resets(TOO_MANY_TIMES, (id) => [wholeCall(id, "/unknown"), reset(id)]));

    expect(await client.call(2 * TOO_MANY_TIMES + 1, STREAM)).toBe(OK);
  });
});

it("ends a connection whose client changes the windows of all streams too often", async () => {
  const { address } = await startWaiting();
  const client = await connectRaw(address);
  const change = [initialWindow(1_000), initialWindow(2_000)];

  client.send(...Array.from({ length: ALLOWED_TIMES / 2 }, () => change).flat());
  await client.pinged();
  client.send(...Array.from({ length: TOO_MANY_TIMES / 2 }, () => change).flat());

  expect((await client.goAway()).code).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  await client.closed;
});

it("refuses calls while a thousand are worked on, though their client has reset them", async () => {
  const release = deferred<void>();
  const allBegun = deferred<void>();
  let begun = 0;
  const work = async () => {
    begun += 1;
    if (begun === MAX_STREAMS) allBegun.resolve();
    await release.promise;
  };
  const { address } = await start({
    async getMessage() {
      await work();
      return {};
    },
    async *streamMessages() {
      await work();
    },
  });
  const client = await connectRaw(address);
  const ids = Array.from({ length: MAX_STREAMS }, (_, index) => 1 + 2 * index);
  const [next, later] = [2 * MAX_STREAMS + 1, 2 * MAX_STREAMS + 3];
  client.send(...ids.map((id) => wholeCall(id, id % 4 === 1 ? GET : STREAM)));
  await allBegun.promise;

  client.send(...ids.map(reset));
  await client.pinged();
  client.send(wholeCall(next, GET));
  expect(await client.resetCode(next)).toBe(constants.NGHTTP2_REFUSED_STREAM);

  release.resolve();
  await client.pinged();
  expect(await client.call(later, GET)).toBe(OK);
});
