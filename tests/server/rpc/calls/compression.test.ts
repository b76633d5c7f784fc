import { constants } from "node:http2";
import { deflateSync, gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import {
  GetMessageRequestSchema,
  PipelineAppendsRequestSchema,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { describe, expect, it } from "vitest";
import { StateError } from "../../../../server/src/domain/errors.js";
import { Decompressor } from "../../../../server/src/rpc/calls/decompressor.js";
import { toGrpcFrame } from "../../../support/bare-call.js";
import {
  beginCall,
  detailsIn,
  GET,
  PIPELINE,
  received,
  start,
  trailersOf,
} from "../message-calls.js";

const LIMIT = 100_000;

function toRequest(messageId: string): Uint8Array {
  return toBinary(GetMessageRequestSchema, create(GetMessageRequestSchema, { messageId }));
}

function toPipelined(requestId: string): Uint8Array {
  return toBinary(
    PipelineAppendsRequestSchema,
    create(PipelineAppendsRequestSchema, { requestId }),
  );
}

function toCompressed(bytes: Uint8Array): Buffer {
  const frame = toGrpcFrame(bytes);
  frame[0] = 1;
  return frame;
}

/** Starts a server that keeps the ids it is asked for. */
async function startKeeping() {
  const ids: string[] = [];
  const { address } = await start(
    {
      async getMessage({ messageId }) {
        ids.push(messageId);
        return {};
      },
      async *pipelineAppends(requests) {
        for await (const { requestId } of requests) ids.push(requestId);
      },
    },
    { maxRequestBytes: LIMIT },
  );
  return {
    address,
    ids,
    call(body: Buffer, headers: Readonly<Record<string, string>>, path = GET) {
      return trailersOf(address, headers, { path, body });
    },
  };
}

describe("a compressed request", () => {
  it.each([
    ["gzip", gzipSync],
    ["deflate", deflateSync],
  ])("is read where it is compressed with %s", async (encoding, compress) => {
    const { call, ids } = await startKeeping();

    const body = toCompressed(compress(toRequest("id".repeat(1_000))));
    const ending = await call(body, { "grpc-encoding": encoding });

    expect(ending["grpc-status"]).toBe(String(status.OK));
    expect(ids).toEqual(["id".repeat(1_000)]);
  });

  it("keeps its place among those of a stream that are not", async () => {
    const { call, ids } = await startKeeping();
    const names = Array.from({ length: 20 }, (_, index) => `${index}`);
    const frames = names.map((name, index) =>
      index % 2 === 0 ? toCompressed(gzipSync(toPipelined(name))) : toGrpcFrame(toPipelined(name)),
    );

    const ending = await call(Buffer.concat(frames), { "grpc-encoding": "gzip" }, PIPELINE);

    expect(ending["grpc-status"]).toBe(String(status.OK));
    expect(ids).toEqual(names);
  });

  it.each([
    ["bytes that are not compressed", Buffer.from("as they are")],
    ["only a part of what was compressed", gzipSync(toRequest("id")).subarray(0, -9)],
  ])("is refused where it has %s", async (_, bytes) => {
    const { call, ids } = await startKeeping();

    const ending = await call(toCompressed(bytes), { "grpc-encoding": "gzip" });

    expect(ending["grpc-status"]).toBe(String(status.INVALID_ARGUMENT));
    expect(detailsIn(ending).badRequest).toMatchObject({ fieldViolations: [{ field: "request" }] });
    expect(ids).toEqual([]);
  });

  it("is refused where nothing says how it is compressed", async () => {
    const { call } = await startKeeping();

    const ending = await call(toCompressed(gzipSync(toRequest("id"))), {});

    expect(ending["grpc-status"]).toBe(String(status.INVALID_ARGUMENT));
  });

  it("is refused where it grows beyond the limit", async () => {
    const { call, ids } = await startKeeping();

    const bomb = gzipSync(Buffer.alloc(500 * LIMIT));
    expect(bomb.byteLength).toBeLessThan(LIMIT);
    const ending = await call(toCompressed(bomb), { "grpc-encoding": "gzip" });

    expect(ending["grpc-status"]).toBe(String(status.RESOURCE_EXHAUSTED));
    expect(detailsIn(ending).info).toMatchObject({
      reason: "REQUEST_TOO_LARGE",
      metadata: { limit: String(LIMIT) },
    });
    expect(ids).toEqual([]);
  });

  it("is answered UNIMPLEMENTED where the server does not know how, and told what it knows", async () => {
    const { call, ids } = await startKeeping();

    const ending = await call(toGrpcFrame(toRequest("id")), { "grpc-encoding": "br" });

    expect(ending["grpc-status"]).toBe(String(status.UNIMPLEMENTED));
    expect(ending["grpc-accept-encoding"]).toBe("identity,deflate,gzip");
    expect(detailsIn(ending).info).toMatchObject({ reason: "ENCODING_NOT_SUPPORTED" });
    expect(ids).toEqual([]);
  });

  it("is not asked of a handler where its client has gone before its turn came", async () => {
    const { address, call, ids } = await startKeeping();
    const large = toCompressed(gzipSync(toRequest("x".repeat(LIMIT - 100))));
    const before = Array.from({ length: 20 }, () => call(large, { "grpc-encoding": "gzip" }));
    const stream = beginCall(address, GET, { "grpc-encoding": "gzip" });
    stream.end(toCompressed(gzipSync(toRequest("gone"))));
    await received(stream.session);

    stream.close(constants.NGHTTP2_CANCEL);
    await Promise.all(before);
    await call(toCompressed(gzipSync(toRequest("last"))), { "grpc-encoding": "gzip" });

    expect(ids).toHaveLength(21);
    expect(ids).not.toContain("gone");
  });
});

describe("the decompression of requests", () => {
  it("is done for one after the other, and not for those that are not wanted", async () => {
    const decompressor = new Decompressor(LIMIT);
    const log: string[] = [];
    const decompress = async (name: string, isWanted: boolean) => {
      const bytes = await decompressor.decompress(gzipSync(name), "gzip", () => {
        log.push(`begin ${name}`);
        return isWanted;
      });
      log.push(`end ${name}: ${bytes?.toString()}`);
    };

    await Promise.all([decompress("a", true), decompress("b", false), decompress("c", true)]);

    expect(log).toEqual([
      "begin a",
      "end a: a",
      "begin b",
      "end b: undefined",
      "begin c",
      "end c: c",
    ]);
  });

  it("goes on after one that fails", async () => {
    const decompressor = new Decompressor(LIMIT);

    const failing = decompressor.decompress(Buffer.from("no gzip"), "gzip", () => true);
    const next = decompressor.decompress(gzipSync("next"), "gzip", () => true);

    await expect(failing).rejects.toThrow(StateError);
    expect((await next)?.toString()).toBe("next");
  });
});
