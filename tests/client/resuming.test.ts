import { fromBinary } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import {
  MessageService,
  type StreamMessagesRequest,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { openScripted } from "./scripted-server.js";
import { batch, finish, type Stream, sequences } from "./scripted-stream.js";

const { input } = MessageService.method.streamMessages;
const UNAVAILABLE = { code: status.UNAVAILABLE, details: "later" };

describe("a stream of messages", () => {
  it("that breaks is resumed after the last frame, without a gap or a duplicate", async () => {
    const starts: StreamMessagesRequest["start"][] = [];
    let disconnect = () => undefined as unknown;
    const stream = (call: Stream, attempt: number) => {
      starts.push(fromBinary(input, call.request).start);
      disconnect = () => call.emit("error", UNAVAILABLE);
      if (attempt === 1) call.write(batch("one", 1, 2));
      else if (attempt === 2) disconnect();
      else finish(call, batch("two", 3, 4));
    };
    const session = await openScripted({ stream });

    const found: number[] = [];
    for await (const { sequence } of session.messages({ last: 4 })) {
      found.push(sequence);
      if (sequence === 1) disconnect();
    }

    expect(found).toEqual([1, 2, 3, 4]);
    const resumed = { case: "resumeToken", value: "one" };
    expect(starts).toEqual([{ case: "lastMessages", value: 4 }, resumed, resumed]);
  });

  it("that breaks is resumed as often as it takes", async () => {
    const stream = (call: Stream, attempt: number) => {
      if (attempt < 30) call.emit("error", UNAVAILABLE);
      else finish(call, batch("one", 1));
    };
    const session = await openScripted({ stream });

    await expect(sequences(session.messages())).resolves.toEqual([1]);
  });

  it("is unavailable when no frame comes in time, however often it is resumed", async () => {
    const stream = (call: Stream) => call.emit("error", UNAVAILABLE);
    const session = await openScripted({ stream });

    const reading = sequences(session.messages({ timeoutMs: 500 }));

    await expect(reading).rejects.toMatchObject({ code: "unavailable" });
  });

  it("waits for its next frame no longer for being resumed", { timeout: 10_000 }, async () => {
    const advance = fakeClock();
    const stream = (call: Stream, attempt: number) => {
      if (attempt > 1) return;
      advance(29_900);
      call.emit("error", UNAVAILABLE);
    };
    const session = await openScripted({ stream });

    await expect(sequences(session.messages())).rejects.toMatchObject({ code: "unavailable" });
  });

  it("is resumed however long its consumer took before", async () => {
    const advance = fakeClock();
    let disconnect = () => undefined as unknown;
    const stream = (call: Stream, attempt: number) => {
      disconnect = () => call.emit("error", UNAVAILABLE);
      if (attempt === 1) call.write(batch("one", 1));
      else finish(call, batch("two", 2));
    };
    const session = await openScripted({ stream });

    const found: number[] = [];
    for await (const { sequence } of session.messages()) {
      found.push(sequence);
      advance(3_600_000);
      if (sequence === 1) disconnect();
    }

    expect(found).toEqual([1, 2]);
  });

  it("gives up after as many breaks without a frame as the policy allows", async () => {
    let attempts = 0;
    const stream = (call: Stream) => {
      attempts += 1;
      call.emit("error", UNAVAILABLE);
    };
    const retry = { maxAttempts: 3, initialBackoffMs: 1 };
    const session = await openScripted({ stream }, { retry });

    await expect(sequences(session.messages())).rejects.toMatchObject({ code: "unavailable" });
    expect(attempts).toBe(3);
  });

  it("is not resumed after another error", async () => {
    let attempts = 0;
    const stream = (call: Stream) => {
      attempts += 1;
      call.emit("error", { code: status.OUT_OF_RANGE, details: "beyond the head" });
    };
    const session = await openScripted({ stream });

    await expect(sequences(session.messages())).rejects.toMatchObject({ code: "out_of_range" });
    expect(attempts).toBe(1);
  });
});

/** Stops the clock of deadlines, but no timers, and gives what moves it on. */
function fakeClock(): (ms: number) => void {
  vi.useFakeTimers({ toFake: ["performance"] });
  onTestFinished(() => void vi.useRealTimers());
  return (ms) => void vi.advanceTimersByTime(ms);
}
