import { setImmediate as turnOfLoop } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import {
  beginCall,
  EMPTY_REQUEST,
  endingOf,
  GET,
  received,
  STREAM,
  start,
} from "./message-calls.js";

/** The beginning of a message of 4 GiB. */
const TOO_LARGE = Buffer.from([0, 0xff, 0xff, 0xff, 0xff]);

/** Starts a server that counts how often a handler is asked. */
async function startCounting() {
  const asked = { count: 0 };
  const { address } = await start({
    async getMessage() {
      asked.count += 1;
      return {};
    },
    async *streamMessages() {
      asked.count += 1;
    },
  });
  return { address, asked };
}

describe.each([
  ["a unary call", GET],
  ["a stream", STREAM],
])("%s that is over before its request is complete", (_, path) => {
  it("is not begun when the client ends it after it was refused", async () => {
    const { address, asked } = await startCounting();
    const stream = beginCall(address, path);
    const { session } = stream;
    const ending = endingOf(stream);
    stream.write(EMPTY_REQUEST);
    await received(session);

    stream.end(TOO_LARGE);

    expect((await ending)["grpc-status"]).toBe(String(status.RESOURCE_EXHAUSTED));
    await received(session);
    await turnOfLoop();
    expect(asked.count).toBe(0);
  });

  it("is not begun when the client ends it after the deadline", async () => {
    const { address, asked } = await startCounting();
    const stream = beginCall(address, path, { "grpc-timeout": "20m" });
    const { session } = stream;
    const ending = endingOf(stream);
    stream.write(EMPTY_REQUEST);

    expect((await ending)["grpc-status"]).toBe(String(status.DEADLINE_EXCEEDED));
    stream.end();
    await received(session);

    await turnOfLoop();
    expect(asked.count).toBe(0);
  });
});
