import { setImmediate as turnOfLoop } from "node:timers/promises";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { Metadata, status } from "@grpc/grpc-js";
import {
  GetMessageRequestSchema,
  GetMessageResponseSchema,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { SessionService } from "@mofa-state/proto/mofa/state/v1/session_pb.js";
import { describe, expect, it } from "vitest";
import { StateError } from "../../../server/src/domain/errors.js";
import { deferred } from "../../support/deferred.js";
import { aborted, CREATE, EMPTY, GET, start } from "./message-calls.js";
import { detailsOf, startRaw } from "./raw-grpc.js";

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
    const { client } = await start({ getMessage: async () => ({}) }, { maxRequestBytes: 1_000 });

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

  it("tells a handler that asks late that the client has gone", async () => {
    const started = deferred<void>();
    const seen = deferred<boolean>();
    const { client } = await start({
      async getMessage(_, context) {
        started.resolve();
        while (!context.aborted) await turnOfLoop();
        seen.resolve(context.signal.aborted);
        return {};
      },
    });
    const abort = new AbortController();

    const outcome = client.unary(GET, EMPTY, { signal: abort.signal });
    await started.promise;
    abort.abort();

    expect(await seen.promise).toBe(true);
    await outcome;
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
