import { once } from "node:events";
import { fromBinary } from "@bufbuild/protobuf";
import { type ServerWritableStream, status } from "@grpc/grpc-js";
import type { Message } from "@mofa-state/client";
import {
  MessageService,
  MessageStatus,
  Role,
  type StreamMessagesRequest,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { describe, expect, it } from "vitest";
import { encoded, openScripted } from "./scripted-server.js";

const { input, output } = MessageService.method.streamMessages;
const UNAVAILABLE = { code: status.UNAVAILABLE, details: "later" };

type Stream = ServerWritableStream<Buffer, Buffer>;

function batch(resumeToken: string, ...sequences: number[]): Buffer {
  const time = { seconds: 1n };
  const messages = sequences.map((sequence) => ({
    sequence: BigInt(sequence),
    role: Role.USER,
    status: MessageStatus.COMPLETE,
    createdAt: time,
    updatedAt: time,
  }));
  return encoded(output, { resumeToken, frame: { case: "messages", value: { messages } } });
}

function caughtUp(resumeToken: string): Buffer {
  const value = { headSequence: 4n, revision: 9n };
  return encoded(output, { resumeToken, frame: { case: "caughtUp", value } });
}

function finish(call: Stream, frame: Buffer): void {
  call.write(frame);
  call.write(caughtUp("end"));
  call.end();
}

async function sequences(messages: AsyncIterable<Message>): Promise<number[]> {
  const found: number[] = [];
  for await (const { sequence } of messages) found.push(sequence);
  return found;
}

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

  it("gives its frames with their tokens, and where it caught up", async () => {
    const stream = (call: Stream) => finish(call, batch("one", 1));
    const session = await openScripted({ stream });

    const frames: unknown[] = [];
    for await (const { messages, ...rest } of session.messageFrames()) {
      frames.push({ count: messages.length, ...rest });
    }

    expect(frames).toEqual([
      { count: 1, resumeToken: "one", caughtUp: undefined },
      { count: 0, resumeToken: "end", caughtUp: { headSequence: 4, revision: 9 } },
    ]);
  });

  it("has succeeded if it breaks after its last frame", async () => {
    const stream = (call: Stream) => {
      call.write(batch("one", 1));
      call.write(caughtUp("two"));
      setTimeout(() => call.emit("error", UNAVAILABLE), 50);
    };
    const session = await openScripted({ stream });

    await expect(sequences(session.messages())).resolves.toEqual([1]);
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

  it("is cancelled on the server when its loop is left", async () => {
    let cancelled: Promise<unknown> = Promise.resolve();
    const stream = (call: Stream) => {
      cancelled = once(call, "cancelled");
      call.write(batch("one", 1, 2));
    };
    const session = await openScripted({ stream });

    for await (const { sequence } of session.messages()) {
      if (sequence === 1) break;
    }

    await cancelled;
  });

  it("is cancelled by its signal, here and on the server", async () => {
    const controller = new AbortController();
    let cancelled: Promise<unknown> = Promise.resolve();
    const stream = (call: Stream) => {
      cancelled = once(call, "cancelled");
      call.write(batch("one", 1, 2, 3));
    };
    const session = await openScripted({ stream });

    const reading = (async () => {
      for await (const { sequence } of session.messages({ signal: controller.signal })) {
        if (sequence === 3) controller.abort("enough");
      }
    })();

    await expect(reading).rejects.toMatchObject({ code: "cancelled", cause: "enough" });
    await cancelled;
  });

  it("ends when the next frame takes too long", async () => {
    const stream = (call: Stream) => {
      call.write(batch("one", 1));
    };
    const session = await openScripted({ stream });

    const reading = sequences(session.messages({ timeoutMs: 50 }));

    await expect(reading).rejects.toMatchObject({ code: "deadline_exceeded" });
  });

  it("does not run ahead of a slow consumer", async () => {
    let sent = 0;
    const frame = encoded(output, { resumeToken: "x".repeat(1024 * 1024) });
    const stream = (call: Stream) => {
      const more = () => {
        while (sent < 200 && !call.cancelled) {
          sent += 1;
          if (!call.write(frame)) return void call.once("drain", more);
        }
      };
      more();
    };
    const session = await openScripted({ stream });
    const frames = session.messageFrames();

    for (let read = 0; read < 3; read += 1) await frames.next();
    const quiet = await settled(() => sent);
    await frames.return();

    expect(quiet).toBeLessThan(100);
  });

  it("takes one place to start only", async () => {
    const session = await openScripted({});

    const reading = sequences(session.messages({ after: 1, last: 2 }));

    await expect(reading).rejects.toMatchObject({ code: "invalid_argument" });
  });
});

/** Gives a count once it has stood still for a while. */
async function settled(count: () => number): Promise<number> {
  let before = -1;
  while (before !== count()) {
    before = count();
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return before;
}
