import { once } from "node:events";
import { constants } from "node:http2";
import { create, toBinary } from "@bufbuild/protobuf";
import { PipelineAppendsRequestSchema } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { describe, expect, it } from "vitest";
import { deferred } from "../../support/deferred.js";
import { aborted, beginCall, PIPELINE, start } from "./message-calls.js";
import { endOf } from "./raw-grpc.js";

describe("a stream in both directions", () => {
  it("gives the requests in order, and answers after the last", async () => {
    const { client } = await start({
      async *pipelineAppends(requests) {
        for await (const { requestId } of requests) yield Buffer.from(requestId);
        yield Buffer.from("end");
      },
    });
    const call = client.bidi(PIPELINE);
    const received: string[] = [];
    call.on("data", (bytes: Buffer) => received.push(bytes.toString()));

    const sent = Array.from({ length: 500 }, (_, index) => `${index}`);
    for (const requestId of sent) {
      const request = create(PipelineAppendsRequestSchema, { requestId });
      call.write(Buffer.from(toBinary(PipelineAppendsRequestSchema, request)));
    }
    call.end();

    expect(await endOf(call)).toBeUndefined();
    expect(received).toEqual([...sent, "end"]);
  });

  it("gives none after the last, however often it is asked", async () => {
    const { client } = await start({
      async *pipelineAppends(requests) {
        for await (const _request of requests) yield Buffer.from("request");
        for await (const _request of requests) yield Buffer.from("another");
        yield Buffer.from("end");
      },
    });
    const call = client.bidi(PIPELINE);
    const received: string[] = [];
    call.on("data", (bytes: Buffer) => received.push(bytes.toString()));

    call.write(Buffer.alloc(0));
    call.end();

    expect(await endOf(call)).toBeUndefined();
    expect(received).toEqual(["request", "end"]);
  });

  it("fails a handler that asks for a request when the client has gone", async () => {
    const begun = deferred<void>();
    const failure = deferred<unknown>();
    const { client } = await start({
      async *pipelineAppends(requests, { signal }) {
        begun.resolve();
        await aborted(signal);
        await requests[Symbol.asyncIterator]().next().then(failure.resolve, failure.resolve);
      },
    });
    const call = client.bidi(PIPELINE);
    const end = endOf(call);
    await begun.promise;

    call.cancel();

    expect(await failure.promise).toBeInstanceOf(Error);
    await end;
  });

  it("lets go of who waits for a request when the server drains and the client reads nothing", async () => {
    const failure = deferred<unknown>();
    const { address, server } = await start({
      async *pipelineAppends(requests) {
        void requests[Symbol.asyncIterator]().next().then(failure.resolve, failure.resolve);
        for (;;) yield new Uint8Array(64 * 1024);
      },
    });
    const stream = beginCall(address, PIPELINE);
    stream.pause();
    await once(stream, "response");

    const closed = server.close({ graceMs: 60_000 });

    expect(await failure.promise).toBeInstanceOf(Error);
    stream.close(constants.NGHTTP2_CANCEL);
    stream.resume();
    await closed;
  });
});
