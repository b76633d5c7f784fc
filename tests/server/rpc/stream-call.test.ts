import { constants } from "node:http2";
import { setImmediate as turnOfLoop } from "node:timers/promises";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import { StreamMessagesResponseSchema } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { describe, expect, it } from "vitest";
import { StateError } from "../../../server/src/domain/errors.js";
import type { CallContext } from "../../../server/src/rpc/context.js";
import { deferred } from "../../support/deferred.js";
import {
  aborted,
  EMPTY,
  EMPTY_REQUEST,
  type MessageHandlers,
  STREAM,
  stalledStream,
  start,
  trailersOf,
} from "./message-calls.js";
import { detailsOf, endOf } from "./raw-grpc.js";

describe("a server stream", () => {
  it("sends messages, and bytes that are encoded already, in order", async () => {
    const { client } = await start({
      async *streamMessages() {
        yield { resumeToken: "1" };
        yield toBinary(
          StreamMessagesResponseSchema,
          create(StreamMessagesResponseSchema, { resumeToken: "2" }),
        );
      },
    });

    const tokens: string[] = [];
    for await (const frame of client.stream(STREAM, EMPTY)) {
      tokens.push(fromBinary(StreamMessagesResponseSchema, frame).resumeToken);
    }

    expect(tokens).toEqual(["1", "2"]);
  });

  it("sends its headers before its first reply", async () => {
    const { client } = await start({
      async *streamMessages(_, { signal }) {
        await aborted(signal);
        yield {};
      },
    });

    const stream = client.stream(STREAM, EMPTY);
    const end = endOf(stream);

    await new Promise((resolve) => {
      stream.once("metadata", resolve);
    });
    stream.cancel();
    await end;
  });

  it("tells of an error after the replies before it", async () => {
    const { client } = await start({
      async *streamMessages() {
        yield { resumeToken: "1" };
        throw new StateError("out_of_range", "POSITION_AHEAD", "too far");
      },
    });
    const stream = client.stream(STREAM, EMPTY);
    let frames = 0;
    stream.on("data", () => {
      frames += 1;
    });

    const error = await endOf(stream);

    expect(frames).toBe(1);
    expect(error?.code).toBe(status.OUT_OF_RANGE);
    expect(error && detailsOf(error).info).toMatchObject({ reason: "POSITION_AHEAD" });
  });

  it.each<[string, NonNullable<MessageHandlers["streamMessages"]>]>([
    [
      "throws at once",
      () => {
        throw new Error("at once");
      },
    ],
    [
      "gives what cannot be encoded",
      async function* () {
        yield { frame: { case: "caughtUp", value: { headSequence: 1n << 80n } } };
      },
    ],
  ])("ends when the handler %s", async (_, streamMessages) => {
    const { client } = await start({ streamMessages });

    const error = await endOf(client.stream(STREAM, EMPTY));

    expect(error?.code).toBe(status.INTERNAL);
    expect(error?.details).toBe("internal error");
  });

  it("refuses a request that is no message", async () => {
    const { client } = await start({ async *streamMessages() {} });

    const error = await endOf(client.stream(STREAM, Buffer.from([0x0a, 0x7f])));

    expect(error?.code).toBe(status.INVALID_ARGUMENT);
  });

  it.each([
    ["no request", Buffer.alloc(0)],
    ["two requests", Buffer.concat([EMPTY_REQUEST, EMPTY_REQUEST])],
  ])("answers UNIMPLEMENTED to a client that sends %s, and asks no handler", async (_, body) => {
    const log: string[] = [];
    const { address, client } = await start({
      async *streamMessages() {
        log.push("asked");
      },
    });

    const trailers = await trailersOf(address, {}, { body });

    expect(trailers["grpc-status"]).toBe(String(status.UNIMPLEMENTED));
    expect(log).toEqual([]);
    expect(await endOf(client.stream(STREAM, EMPTY))).toBeUndefined();
  });

  it("returns the iterator when the client cancels", async () => {
    const returned = deferred<void>();
    const contexts: CallContext[] = [];
    const { client, log } = await start({
      async *streamMessages(_, context) {
        contexts.push(context);
        try {
          for (;;) yield { resumeToken: "x" };
        } finally {
          returned.resolve();
        }
      },
    });

    const stream = client.stream(STREAM, EMPTY);
    stream.once("data", () => stream.cancel());
    await endOf(stream);

    await returned.promise;
    expect(contexts[0]?.aborted).toBe(true);
    expect(contexts[0]?.signal.aborted).toBe(true);
    expect(log.errors).toEqual([]);
  });

  it("ends a source that waits when the client's deadline passes", async () => {
    const returned = deferred<void>();
    const { client } = await start({
      async *streamMessages(_, { signal }) {
        yield { resumeToken: "x" };
        await aborted(signal);
        returned.resolve();
      },
    });

    const error = await endOf(client.stream(STREAM, EMPTY, { deadline: Date.now() + 50 }));

    expect(error?.code).toBe(status.DEADLINE_EXCEEDED);
    await returned.promise;
  });

  it("tells a client that does not watch its own deadline that it has passed", async () => {
    const { address } = await start({
      async *streamMessages(_, { signal }) {
        await aborted(signal);
      },
    });

    const trailers = await trailersOf(address, { "grpc-timeout": "50m" });

    expect(trailers["grpc-status"]).toBe(String(status.DEADLINE_EXCEEDED));
  });

  it("asks for no more than a window ahead of a client that does not read", async () => {
    let frames = 0;
    const returned = deferred<void>();
    const { address } = await start({
      async *streamMessages() {
        try {
          for (;;) {
            frames += 1;
            yield new Uint8Array(64 * 1024);
          }
        } finally {
          returned.resolve();
        }
      },
    });

    const stream = await stalledStream(address);

    // As many turns as a writer without bounds would need for thousands of frames.
    for (let turn = 0; turn < 500; turn += 1) await turnOfLoop();
    expect(frames).toBeLessThan(5);
    stream.close(constants.NGHTTP2_CANCEL);
    stream.resume();
    await returned.promise;
  });
});
