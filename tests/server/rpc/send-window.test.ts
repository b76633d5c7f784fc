import { constants } from "node:http2";
import { setImmediate as turnOfLoop } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { StateError } from "../../../server/src/domain/errors.js";
import { deferred } from "../../support/deferred.js";
import { aborted, EMPTY, STREAM, stalledStream, start } from "./message-calls.js";
import { endOf } from "./raw-grpc.js";

/** What a client that reads nothing may have on its way: its window and the server's buffers. */
const MAX_HELD_BYTES = 512 * 1024;

describe("a stream of small messages", () => {
  it("hands over many of them in one turn of the event loop", async () => {
    const inOneTurn = deferred<number>();
    const { client } = await start({
      async *streamMessages() {
        let frames = 0;
        setImmediate(() => inOneTurn.resolve(frames));
        for (; frames < 1_000; frames += 1) yield new Uint8Array([1]);
      },
    });

    const end = endOf(client.stream(STREAM, EMPTY));

    expect(await inOneTurn.promise).toBeGreaterThan(48);
    await end;
  });

  it("keeps their order, and tells of an error after the last", async () => {
    const sent = Array.from({ length: 1_000 }, (_, index) => `${index}`);
    const { client } = await start({
      async *streamMessages() {
        for (const text of sent) yield Buffer.from(text);
        throw new StateError("out_of_range", "POSITION_AHEAD", "too far");
      },
    });
    const stream = client.stream(STREAM, EMPTY);
    const received: string[] = [];
    stream.on("data", (frame: Buffer) => received.push(frame.toString()));

    const error = await endOf(stream);

    expect(error?.code).toBe(status.OUT_OF_RANGE);
    expect(received).toEqual(sent);
  });

  it("is held up by a client that does not read, and ends when that one leaves", async () => {
    const frame = new Uint8Array(1_024);
    let frames = 0;
    const returned = deferred<void>();
    const { address } = await start({
      async *streamMessages(_, { signal }) {
        try {
          for (; frames < 10_000; frames += 1) yield frame;
          await aborted(signal);
        } finally {
          returned.resolve();
        }
      },
    });

    const stream = await stalledStream(address);

    // As many turns as a writer without bounds would need for all of its frames.
    for (let turn = 0; turn < 500; turn += 1) await turnOfLoop();
    expect(frames * frame.byteLength).toBeLessThan(MAX_HELD_BYTES);
    stream.close(constants.NGHTTP2_CANCEL);
    stream.resume();
    await returned.promise;
  });
});
