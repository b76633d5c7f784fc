import { once } from "node:events";
import { type ClientHttp2Session, constants } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { GetMessageRequestSchema } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { expect, it } from "vitest";
import { beginBareCall, toGrpcFrame } from "../../support/bare-call.js";
import { collectGarbage } from "../../support/collect-garbage.js";
import { connectHttp2 } from "../../support/connect-http2.js";
import { deferred } from "../../support/deferred.js";
import {
  aborted,
  beginCall,
  EMPTY_REQUEST,
  endingOf,
  GET,
  PIPELINE,
  received,
  STREAM,
  start,
} from "./message-calls.js";

const ROUNDS = 60;
/** How many calls of a round are under way at the same time. */
const CALLS = 16;
const REQUEST_BYTES = 64 * 1024;

/** Less than a client may send before any of it is read. */
const UNREAD_BYTES = 40_000;

/** How long a server waits for calls when it ends. */
const GRACE_MS = 4_000;

/** Makes a unary call, and waits until its stream is closed. */
async function call(session: ClientHttp2Session, request: Buffer): Promise<void> {
  const stream = beginBareCall(session, GET);
  stream.resume();
  stream.end(request);
  await once(stream, "close");
}

function toRequest(): Buffer {
  const messageId = "x".repeat(REQUEST_BYTES);
  const request = create(GetMessageRequestSchema, { messageId });
  return toGrpcFrame(toBinary(GetMessageRequestSchema, request));
}

it("lets the quick collections of garbage free the requests of calls that are over", async () => {
  const { address } = await start({ getMessage: async () => ({}) });
  const session = connectHttp2(address);
  const request = toRequest();
  await call(session, request);
  // What there is of the connection is old from now on.
  collectGarbage();
  const before = process.memoryUsage().arrayBuffers;

  for (let round = 0; round < ROUNDS; round++) {
    await Promise.all(Array.from({ length: CALLS }, () => call(session, request)));
    // The server has ended its part of each, too.
    await received(session);
    collectGarbage("minor");
  }

  const kept = process.memoryUsage().arrayBuffers - before;
  expect(kept).toBeLessThan((ROUNDS * CALLS * REQUEST_BYTES) / 10);
});

it("closes the stream of a client that resets it without an error while requests are unread", async () => {
  const asked = deferred<void>();
  const gone = deferred<void>();
  const { address, server } = await start({
    async *pipelineAppends(requests) {
      for await (const _ of requests) {
        asked.resolve();
        await gone.promise;
        yield {};
      }
    },
  });
  const stream = beginCall(address, PIPELINE);
  const { session } = stream;
  stream.write(EMPTY_REQUEST);
  await asked.promise;
  stream.write(Buffer.alloc(UNREAD_BYTES));
  await received(session);
  stream.close(constants.NGHTTP2_NO_ERROR);
  await received(session);

  gone.resolve();
  await received(session);
  const startedAt = performance.now();
  session?.close();
  await server.close({ graceMs: GRACE_MS });

  expect(performance.now() - startedAt).toBeLessThan(GRACE_MS / 2);
});

it.each([
  ["while its handler goes on", true],
  ["after its handler has ended", false],
])(
  "closes the stream of a client that resets it without an error before it takes the replies, %s",
  async (_, goesOn) => {
    const { address, server } = await start({
      async *streamMessages(_request, { signal }) {
        yield new Uint8Array(64 * 1024);
        if (goesOn) await aborted(signal);
      },
    });
    const session = connectHttp2(address, { settings: { initialWindowSize: 0 } });
    const stream = beginBareCall(session, STREAM);
    stream.on("error", () => undefined);
    stream.end(EMPTY_REQUEST);
    await once(stream, "response");
    await received(session);

    stream.close(constants.NGHTTP2_NO_ERROR);
    await received(session);
    const startedAt = performance.now();
    session.close();
    await server.close({ graceMs: GRACE_MS });

    expect(performance.now() - startedAt).toBeLessThan(GRACE_MS / 2);
  },
);

it.each([
  ["by its first bytes", GET, Buffer.from([0, 0xff, 0xff, 0xff, 0xff])],
  [
    "after requests that were answered",
    PIPELINE,
    Buffer.concat([EMPTY_REQUEST, Buffer.from([2, 0, 0, 0, 0])]),
  ],
])("tells a client that is refused %s to send no more, and why", async (_, path, body) => {
  const { address } = await start({
    getMessage: async () => ({}),
    async *pipelineAppends(requests) {
      for await (const _request of requests) yield {};
    },
  });
  const stream = beginCall(address, path);
  const ending = endingOf(stream);
  const closed = once(stream, "close");

  stream.write(body);

  expect((await ending)["grpc-status"]).not.toBe("0");
  await closed;
  expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR);
});
