import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { deferred } from "../../support/deferred.js";
import { aborted, EMPTY, GET, STREAM, stalledStream, start } from "./message-calls.js";
import { detailsOf, endOf } from "./raw-grpc.js";

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
