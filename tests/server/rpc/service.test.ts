import { once } from "node:events";
import { type ClientHttp2Stream, connect, constants } from "node:http2";
import { setImmediate as turnOfLoop } from "node:timers/promises";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { Metadata, status } from "@grpc/grpc-js";
import {
  GetMessageRequestSchema,
  GetMessageResponseSchema,
  MessageService,
  StreamMessagesResponseSchema,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { SessionService } from "@mofa-state/proto/mofa/state/v1/session_pb.js";
import { describe, expect, it, onTestFinished } from "vitest";
import { StateError } from "../../../server/src/domain/errors.js";
import type { CallContext } from "../../../server/src/rpc/context.js";
import type { Handlers } from "../../../server/src/rpc/service.js";
import { detailsOf, endOf, type RawPair, startRaw } from "./raw-grpc.js";

const GET = "/mofa.state.v1.MessageService/GetMessage";
const CREATE = "/mofa.state.v1.SessionService/CreateSession";
const STREAM = "/mofa.state.v1.MessageService/StreamMessages";
const EMPTY = new Uint8Array();

type MessageHandlers = Partial<Handlers<typeof MessageService>>;

function start(handlers: MessageHandlers, maxRequestBytes?: number): Promise<RawPair> {
  return startRaw((server) => server.add(MessageService, handlers), maxRequestBytes);
}

function deferred<T>() {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** Waits until a signal is aborted. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve());
  });
}

/** Opens a stream whose client takes the headers and not one byte more than it must. */
async function stalledStream(address: string): Promise<ClientHttp2Stream> {
  const session = connect(`http://${address}`);
  session.on("error", () => {});
  onTestFinished(() => session.destroy());
  const stream = session.request({
    ":method": "POST",
    ":path": STREAM,
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => {});
  stream.pause();
  // A frame without content: the empty request.
  stream.end(Buffer.alloc(5));
  await once(stream, "response");
  return stream;
}

/** Encodes a CreateSessionRequest whose metadata is a list in a list, and so on. */
function nestedStruct(levels: number): Uint8Array {
  // The numbers of the fields from the outside in; `Value.list_value`, `ListValue.values` repeat.
  const fields = [1, 6, 1, 2, ...Array.from({ length: levels }, (_, i) => (i % 2 === 0 ? 6 : 1))];
  const prefixes: Uint8Array[] = [];
  let length = 0;
  for (const field of fields.reverse()) {
    const prefix = new BinaryWriter().tag(field, WireType.LengthDelimited).uint32(length).finish();
    prefixes.push(prefix);
    length += prefix.byteLength;
  }
  return Buffer.concat(prefixes.reverse());
}

describe("a unary call", () => {
  it("answers with what the handler gives, for the tenant of the metadata", async () => {
    const { client } = await start({
      getMessage: async ({ messageId }, { tenantId }) => ({
        message: { id: messageId, content: tenantId },
      }),
    });
    const metadata = new Metadata();
    metadata.set("x-tenant-id", "0198F000-0000-7000-8000-00000000000A");
    const request = create(GetMessageRequestSchema, { messageId: "m" });

    const { reply } = await client.unary(GET, toBinary(GetMessageRequestSchema, request), {
      metadata,
    });

    const { message } = fromBinary(GetMessageResponseSchema, reply ?? EMPTY);
    expect(message?.id).toBe("m");
    expect(message?.content).toBe("0198f000-0000-7000-8000-00000000000a");
  });

  it.each(["", "x", "0198f000-0000-7000-8000-00000000000a, 0198f000-0000-7000-8000-00000000000a"])(
    "refuses the tenant %j",
    async (tenant) => {
      const { client } = await start({ getMessage: async () => ({}) });
      const metadata = new Metadata();
      metadata.set("x-tenant-id", tenant);

      const { error } = await client.unary(GET, EMPTY, { metadata });

      expect(error?.code).toBe(status.INVALID_ARGUMENT);
      expect(error && detailsOf(error).badRequest).toMatchObject({
        fieldViolations: [{ field: "x-tenant-id" }],
      });
    },
  );

  it("answers UNIMPLEMENTED where there is no handler", async () => {
    const { client } = await start({});

    const { error } = await client.unary(GET, EMPTY);

    expect(error?.code).toBe(status.UNIMPLEMENTED);
  });

  it("answers a defect as an internal error, and logs it", async () => {
    const { client, log } = await start({
      getMessage: async () => {
        throw new Error("SELECT secret FROM /var/lib/mofa");
      },
    });

    const { error } = await client.unary(GET, EMPTY);

    expect(error?.code).toBe(status.INTERNAL);
    expect(error?.details).toBe("internal error");
    expect(error && detailsOf(error).info).toMatchObject({ reason: "INTERNAL", metadata: {} });
    expect(log.errors).toHaveLength(1);
  });

  it("survives a handler that throws before it gives a promise", async () => {
    const { client } = await start({
      getMessage: () => {
        throw new Error("at once");
      },
    });

    const { error } = await client.unary(GET, EMPTY);

    expect(error?.code).toBe(status.INTERNAL);
  });

  it.each([
    ["cut", Buffer.from([0x0a, 0x7f, 0x01])],
    ["of invalid UTF-8", Buffer.from([0x0a, 0x02, 0xff, 0xfe])],
    ["of an overlong varint", Buffer.alloc(16, 0xff)],
  ])("refuses a message that is %s", async (_, request) => {
    const { client } = await start({ getMessage: async () => ({}) });

    const { error } = await client.unary(GET, request);

    expect(error?.code).toBe(status.INVALID_ARGUMENT);
    expect(error && detailsOf(error).info).toMatchObject({ reason: "INVALID_ARGUMENT" });
  });

  it("refuses a message that is nested 20,000 levels deep", async () => {
    const { client } = await startRaw((server) =>
      server.add(SessionService, { createSession: async () => ({}) }),
    );

    const { error } = await client.unary(CREATE, nestedStruct(20_000));

    expect(error?.code).toBe(status.INVALID_ARGUMENT);
  });

  it("refuses a request over the limit with a reason", async () => {
    const { client } = await start({ getMessage: async () => ({}) }, 1_000);

    const { error } = await client.unary(GET, Buffer.alloc(1_001));

    expect(error?.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(error && detailsOf(error).info).toMatchObject({
      reason: "REQUEST_TOO_LARGE",
      metadata: { actual: "1001", limit: "1000" },
    });
  });

  it.each([
    ["a lone surrogate", "😀".slice(0, 1)],
    ["100 kB", "é".repeat(50_000)],
    ["line breaks", "one\r\ntwo"],
  ])("tells of an error whose text has %s", async (_, text) => {
    const { client } = await start({
      getMessage: async () => {
        throw new StateError("not_found", "MESSAGE_NOT_FOUND", text, {
          metadata: { text },
          violations: Array.from({ length: 100 }, () => ({ field: text, description: text })),
        });
      },
    });

    const { error } = await client.unary(GET, EMPTY);

    expect(error?.code).toBe(status.NOT_FOUND);
    expect(error && detailsOf(error).byteLength).toBeLessThanOrEqual(4_096);
    expect(error && detailsOf(error).info).toMatchObject({ reason: "MESSAGE_NOT_FOUND" });
  });

  it("aborts the signal when the client cancels, and logs no error", async () => {
    const started = deferred<void>();
    const seen = deferred<void>();
    const { client, log } = await start({
      async getMessage(_, { signal }) {
        started.resolve();
        await aborted(signal);
        seen.resolve();
        throw new Error("given up");
      },
    });
    const abort = new AbortController();

    const outcome = client.unary(GET, EMPTY, { signal: abort.signal });
    await started.promise;
    abort.abort();

    await seen.promise;
    expect((await outcome).error?.code).toBe(status.CANCELLED);
    expect(log.errors).toEqual([]);
  });

  it("aborts the signal at the deadline", async () => {
    const seen = deferred<void>();
    const { client } = await start({
      async getMessage(_, { signal }) {
        await aborted(signal);
        seen.resolve();
        return {};
      },
    });

    const { error } = await client.unary(GET, EMPTY, { deadline: Date.now() + 50 });

    expect(error?.code).toBe(status.DEADLINE_EXCEEDED);
    await seen.promise;
  });
});

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

  it("returns the iterator when the client cancels", async () => {
    const returned = deferred<void>();
    const contexts: CallContext[] = [];
    const { client } = await start({
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
    expect(contexts[0]?.signal.aborted).toBe(true);
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
    expect(frames).toBeLessThan(10);
    stream.close(constants.NGHTTP2_CANCEL);
    stream.resume();
    await returned.promise;
  });
});

describe("draining", () => {
  it("ends streams with UNAVAILABLE and lets unary calls finish", async () => {
    const entered = deferred<void>();
    const release = deferred<void>();
    const { client, server } = await start({
      async getMessage() {
        entered.resolve();
        await release.promise;
        return { message: { id: "done" } };
      },
      async *streamMessages(_, { signal }) {
        yield { resumeToken: "1" };
        await aborted(signal);
      },
    });
    const stream = client.stream(STREAM, EMPTY);
    const end = endOf(stream);
    const outcome = client.unary(GET, EMPTY);
    await new Promise((resolve) => {
      stream.once("data", resolve);
    });
    await entered.promise;

    const closed = server.close({ graceMs: 10_000 });
    const error = await end;
    release.resolve();

    expect(error?.code).toBe(status.UNAVAILABLE);
    expect(error && detailsOf(error)).toMatchObject({
      info: { reason: "DRAINING" },
      retry: { retryDelay: { seconds: 1n } },
    });
    expect((await outcome).reply?.byteLength).toBeGreaterThan(0);
    await closed;
  });

  it("cuts a call that outlasts the grace period", async () => {
    const entered = deferred<void>();
    const { client, server } = await start({
      async getMessage(_, { signal }) {
        entered.resolve();
        await aborted(signal);
        return {};
      },
    });
    const outcome = client.unary(GET, EMPTY);
    await entered.promise;

    await server.close({ graceMs: 10 });

    expect((await outcome).error).toBeDefined();
  });

  it("cuts a client that reads nothing", async () => {
    const { address, server } = await start({
      async *streamMessages() {
        for (;;) yield new Uint8Array(64 * 1024);
      },
    });
    const stream = await stalledStream(address);

    await server.close({ graceMs: 10 });

    stream.resume();
  });
});
