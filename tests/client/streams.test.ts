import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { MessageService } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { describe, expect, it } from "vitest";
import { encoded, openScripted } from "./scripted-server.js";
import { batch, caughtUp, finish, type Stream, sequences } from "./scripted-stream.js";

const { output } = MessageService.method.streamMessages;
const UNAVAILABLE = { code: status.UNAVAILABLE, details: "later" };

describe("a stream of messages", () => {
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
    let disconnect = () => undefined as unknown;
    const stream = (call: Stream) => {
      disconnect = () => call.emit("error", UNAVAILABLE);
      call.write(batch("one", 1));
      call.write(caughtUp("two"));
    };
    const session = await openScripted({ stream });

    const tokens: string[] = [];
    for await (const { resumeToken, caughtUp } of session.messageFrames()) {
      tokens.push(resumeToken);
      if (caughtUp) disconnect();
    }

    expect(tokens).toEqual(["one", "two"]);
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

/** Gives a count once it has stood still for 100 turns of the event loop. */
async function settled(count: () => number): Promise<number> {
  let before = count();
  for (let turns = 0; turns < 100; turns += 1) {
    await setImmediate();
    if (before !== count()) turns = 0;
    before = count();
  }
  return before;
}
