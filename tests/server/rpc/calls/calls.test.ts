import { once } from "node:events";
import { constants, type IncomingHttpHeaders } from "node:http2";
import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { beginBareCall } from "../../../support/bare-call.js";
import { connectHttp2 } from "../../../support/connect-http2.js";
import { deferred } from "../../../support/deferred.js";
import {
  aborted,
  beginCall,
  detailsIn,
  EMPTY_REQUEST,
  endingOf,
  GET,
  PIPELINE,
  received,
  STREAM,
  start,
  trailersOf,
} from "../message-calls.js";

/** How many bytes a client may send on a stream before any of them is read. */
const STREAM_WINDOW_BYTES = 65_535;

function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
}

describe("a call", () => {
  it("of a method that is not known is answered UNIMPLEMENTED, and told which", async () => {
    const { address } = await start({});
    const path = "/mofa.state.v1.MessageService/Nothing";

    const ending = await trailersOf(address, {}, { path });

    expect(ending["grpc-status"]).toBe(String(status.UNIMPLEMENTED));
    expect(detailsIn(ending).message).toContain('"/mofa.state.v1.MessageService/Nothing"');
    expect(detailsIn(ending).info).toMatchObject({ reason: "METHOD_NOT_FOUND" });
  });

  it.each(["application/json", "application/grpc-web", "application/grpc+json"])(
    "with the content type %s is answered by HTTP's 415",
    async (contentType) => {
      const { address } = await start({ getMessage: async () => ({}) });
      const stream = beginCall(address, GET, { "content-type": contentType });
      stream.resume();

      const [headers] = (await once(stream, "response")) as [IncomingHttpHeaders];

      expect(headers[":status"]).toBe(constants.HTTP_STATUS_UNSUPPORTED_MEDIA_TYPE);
    },
  );

  it("with a timeout that cannot be read is refused, and told why", async () => {
    const { address } = await start({ async *streamMessages() {} });

    const ending = await trailersOf(address, { "grpc-timeout": "soon" });

    expect(ending["grpc-status"]).toBe(String(status.INVALID_ARGUMENT));
    expect(detailsIn(ending).badRequest).toMatchObject({
      fieldViolations: [{ field: "grpc-timeout" }],
    });
  });

  it("takes a timeout that is longer than a timer can count", async () => {
    const { address } = await start({
      async *streamMessages(_, { signal }) {
        await aborted(signal);
      },
      async *pipelineAppends(requests) {
        for await (const _request of requests) yield Buffer.from("answered");
      },
    });
    const stream = beginCall(address, PIPELINE, { "grpc-timeout": "99999999H" });
    const ending = endingOf(stream);

    // What would end at once would end before this.
    const expired = await trailersOf(address, { "grpc-timeout": "50m" });
    stream.end(EMPTY_REQUEST);

    expect(expired["grpc-status"]).toBe(String(status.DEADLINE_EXCEEDED));
    expect((await ending)["grpc-status"]).toBe(String(status.OK));
  });

  it("leaves no timer behind when it has ended before its deadline", async () => {
    const { address } = await start({ getMessage: async () => ({}) });
    const before = timers();

    for (let count = 0; count < 20; count += 1) {
      await trailersOf(address, { "grpc-timeout": "1H" }, { path: GET });
    }

    expect(timers() - before).toBeLessThan(20);
  });

  it("whose deadline has passed says so with a reason", async () => {
    const { address } = await start({
      async getMessage(_, { signal }) {
        await aborted(signal);
        return {};
      },
    });

    const ending = await trailersOf(address, { "grpc-timeout": "20m" }, { path: GET });

    expect(ending["grpc-status"]).toBe(String(status.DEADLINE_EXCEEDED));
    expect(detailsIn(ending).info).toMatchObject({ reason: "DEADLINE_EXCEEDED" });
  });

  it.each([
    ["a unary call", GET],
    ["a stream", STREAM],
  ])("whose deadline passes while its client takes no answer is over: %s", async (_, path) => {
    const { address } = await start({
      getMessage: async () => Buffer.from("answered"),
      async *streamMessages() {
        yield Buffer.from("answered");
      },
    });
    const session = connectHttp2(address, { settings: { initialWindowSize: 0 } });
    const stream = beginBareCall(session, path, { "grpc-timeout": "50m" });
    stream.on("error", () => undefined);

    stream.end(EMPTY_REQUEST);
    await once(stream, "close");

    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
  });

  it.each([
    ["a unary call", GET],
    ["a stream of requests", PIPELINE],
  ])("is refused where its request is cut off: %s", async (_, path) => {
    const asked: string[] = [];
    const { address } = await start({
      async getMessage() {
        asked.push("unary");
        return {};
      },
      async *pipelineAppends(requests) {
        for await (const _request of requests) asked.push("stream");
      },
    });
    const body = Buffer.from([0, 0, 0, 0, 9, 1, 2, 3]);

    const ending = await trailersOf(address, {}, { path, body });

    expect(ending["grpc-status"]).toBe(String(status.INVALID_ARGUMENT));
    expect(detailsIn(ending).badRequest).toMatchObject({
      fieldViolations: [{ field: "request" }],
    });
    expect(asked).toEqual([]);
  });

  it("is refused before the rest of a request comes that is too large", async () => {
    const { address } = await start({ getMessage: async () => ({}) }, { maxRequestBytes: 1_000 });
    const stream = beginCall(address, GET);
    const ending = endingOf(stream);

    stream.write(Buffer.from([0, 0, 0, 3, 233]));

    expect((await ending)["grpc-status"]).toBe(String(status.RESOURCE_EXHAUSTED));
    expect(detailsIn(await ending).info).toMatchObject({
      reason: "REQUEST_TOO_LARGE",
      metadata: { actual: "1001", limit: "1000" },
    });
  });

  it("answers what came before a request that is too large, and then refuses", async () => {
    const { address } = await start(
      {
        async *pipelineAppends(requests) {
          for await (const _request of requests) yield Buffer.from("answered");
        },
      },
      { maxRequestBytes: 1_000 },
    );
    const stream = beginCall(address, PIPELINE);
    const replies: Buffer[] = [];
    stream.on("data", (bytes: Buffer) => replies.push(bytes));
    const ending = endingOf(stream);

    stream.write(Buffer.concat([EMPTY_REQUEST, EMPTY_REQUEST, Buffer.from([0, 0, 0, 3, 233])]));

    expect((await ending)["grpc-status"]).toBe(String(status.RESOURCE_EXHAUSTED));
    expect(Buffer.concat(replies).toString()).toMatch(/^[^a]*answered[^a]*answered$/);
  });

  it("leaves requests with the client that nobody asks for", async () => {
    const taken = deferred<void>();
    const { address } = await start({
      async *pipelineAppends(requests, { signal }) {
        for await (const _request of requests) {
          taken.resolve();
          await aborted(signal);
        }
      },
    });
    const stream = beginCall(address, PIPELINE);
    stream.resume();

    let takenBytes = 0;
    const chunk = Buffer.alloc(STREAM_WINDOW_BYTES);
    for (let count = 0; count < 100; count += 1) {
      stream.write(chunk, () => {
        takenBytes += chunk.byteLength;
      });
    }
    await taken.promise;
    for (let round = 0; round < 100; round += 1) await received(stream.session);

    expect(takenBytes).toBeLessThanOrEqual(3 * STREAM_WINDOW_BYTES);
    stream.close(constants.NGHTTP2_CANCEL);
  });
});
