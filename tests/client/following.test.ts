import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { fromBinary, type MessageInitShape } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import type { FollowOptions, FollowPosition, Session, SessionEvent } from "@mofa-state/client";
import {
  type ChangeSchema,
  MessageService,
  type StreamMessagesRequest,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { describe, expect, it } from "vitest";
import { openScripted } from "./scripted-server.js";
import { batch, caughtUp, frame, type Stream } from "./scripted-stream.js";

const { input } = MessageService.method.streamMessages;
const UNAVAILABLE = { code: status.UNAVAILABLE, details: "later" };
const DELETED = { code: status.NOT_FOUND, details: "the session was deleted" };
const heartbeat = (token: string) => frame(token, { case: "heartbeat", value: {} });

/** Follows until so many events have come. */
async function take(
  session: Session,
  count: number,
  options?: FollowOptions,
): Promise<SessionEvent[]> {
  const events: SessionEvent[] = [];
  for await (const event of session.follow(options)) {
    events.push(event);
    if (events.length === count) break;
  }
  return events;
}

function request(call: Stream): StreamMessagesRequest {
  return fromBinary(input, call.request);
}

describe("following", () => {
  it("gives what each kind of frame tells of, with the token on the last event of a frame", async () => {
    const time = { seconds: 1n };
    const metadata = { topic: "refund" };
    const changes: readonly NonNullable<MessageInitShape<typeof ChangeSchema>["change"]>[] = [
      { case: "messageDeleted", value: { messageId: "m", sequence: 1n } },
      { case: "messagesCleared", value: { afterSequence: 1n, throughSequence: 2n } },
      { case: "sessionUpdated", value: { id: "s", metadata, createdAt: time, updatedAt: time } },
      { case: "statePut", value: { states: [{ key: "k", version: 3n, mediaType: "a/b" }] } },
      { case: "stateDeleted", value: { key: "k", version: 3n } },
      { case: "sessionDeleted", value: {} },
    ];
    const text = { messageId: "m", sequence: 2n, offset: 5n };
    const part = { messageId: "m", sequence: 2n, partIndex: 1 };
    const reasoning = { case: "reasoning", value: { text: "hm", signature: "" } } as const;
    const stream = (call: Stream) => {
      call.write(batch("one", 1, 2));
      call.write(
        frame("t", { case: "delta", value: { ...text, delta: { case: "text", value: "x" } } }),
      );
      const delta = { case: "part", value: { part: reasoning } } as const;
      call.write(frame("p", { case: "delta", value: { ...part, delta } }));
      for (const change of changes) {
        call.write(frame("c", { case: "change", value: { revision: 7n, change } }));
      }
      call.emit("error", DELETED);
    };
    const session = await openScripted({ stream });

    const events: SessionEvent[] = [];
    const reading = (async () => {
      for await (const event of session.follow()) events.push(event);
    })();

    await expect(reading).rejects.toMatchObject({ code: "not_found" });
    const change = { resumeToken: "c", revision: 7 };
    expect(events).toMatchObject([
      { type: "message", resumeToken: undefined, message: { sequence: 1 } },
      { type: "message", resumeToken: "one", message: { sequence: 2 } },
      { type: "text_delta", resumeToken: "t", messageId: "m", sequence: 2, offset: 5, text: "x" },
      { type: "part_delta", resumeToken: "p", partIndex: 1, part: { type: "reasoning" } },
      { ...change, type: "message_deleted", messageId: "m", sequence: 1 },
      { ...change, type: "messages_cleared", afterSequence: 1, throughSequence: 2 },
      { ...change, type: "session_updated", session: { id: "s", metadata } },
      { ...change, type: "state_put", states: [{ key: "k", version: 3, mediaType: "a/b" }] },
      { ...change, type: "state_deleted", key: "k", version: 3 },
      { ...change, type: "session_deleted" },
    ]);
  });

  it("sends what the options say", async () => {
    const requests: StreamMessagesRequest[] = [];
    const stream = (call: Stream) => {
      requests.push(request(call));
      call.write(batch("one", 1));
    };
    const session = await openScripted({ stream });

    await take(session, 1, { after: 3, deltas: true, frameMaxMessages: 5 });
    await take(session, 1);

    expect(requests).toMatchObject([
      {
        start: { case: "afterSequence", value: 3n },
        follow: true,
        includeDeltas: true,
        frameMaxMessages: 5,
      },
      { start: { case: undefined }, follow: true, includeDeltas: false },
    ]);
  });

  it.each([
    ["is lost", (call: Stream) => call.emit("error", UNAVAILABLE)],
    ["the server ends with OK", (call: Stream) => call.end()],
    [
      "the server cancels",
      (call: Stream) => call.emit("error", { code: status.CANCELLED, details: "forced" }),
    ],
  ])("goes on after a stream that %s, behind the last frame that it was given", async (_, end) => {
    const starts: StreamMessagesRequest["start"][] = [];
    const stream = (call: Stream, attempt: number) => {
      starts.push(request(call).start);
      if (attempt === 1) call.write(batch("one", 1, 2));
      else if (attempt === 3) call.write(heartbeat("beat"));
      else if (attempt === 4) call.write(caughtUp("there"));
      if (attempt === 5) call.write(batch("two", 3));
      else end(call);
    };
    const session = await openScripted({ stream });

    const events = await take(session, 3, { last: 2 });

    expect(events).toMatchObject([1, 2, 3].map((sequence) => ({ message: { sequence } })));
    const behind = (value: string) => ({ case: "resumeToken", value });
    const last = { case: "lastMessages", value: 2 };
    expect(starts).toEqual([last, behind("one"), behind("one"), behind("beat"), behind("there")]);
  });

  it("starts at the last messages again if it was given none", async () => {
    const starts: StreamMessagesRequest["start"][] = [];
    const stream = (call: Stream, attempt: number) => {
      starts.push(request(call).start);
      if (attempt === 1) call.emit("error", UNAVAILABLE);
      else call.write(batch("one", 1));
    };
    const session = await openScripted({ stream });

    await take(session, 1, { last: 2 });

    expect(starts).toEqual(Array(2).fill({ case: "lastMessages", value: 2 }));
  });

  it("says each time that it has caught up", async () => {
    const positions: FollowPosition[] = [];
    const stream = (call: Stream, attempt: number) => {
      call.write(caughtUp(`caught up ${attempt}`));
      if (attempt === 1) call.emit("error", UNAVAILABLE);
      else call.write(batch("one", 5));
    };
    const session = await openScripted({ stream });

    await take(session, 1, { onCaughtUp: (position) => positions.push(position) });

    expect(positions).toEqual([
      { headSequence: 4, revision: 9, resumeToken: "caught up 1" },
      { headSequence: 4, revision: 9, resumeToken: "caught up 2" },
    ]);
  });

  it("throws what its user's function throws, and ends", async () => {
    let cancelled: Promise<unknown> = Promise.resolve();
    const stream = (call: Stream) => {
      cancelled = once(call, "cancelled");
      call.write(caughtUp("one"));
    };
    const session = await openScripted({ stream });
    const mistake = new Error("mistake");
    const onCaughtUp = () => {
      throw mistake;
    };

    await expect(take(session, 1, { onCaughtUp })).rejects.toBe(mistake);

    await cancelled;
  });

  it.each([
    status.NOT_FOUND,
    status.INVALID_ARGUMENT,
    status.OUT_OF_RANGE,
    status.PERMISSION_DENIED,
    status.INTERNAL,
  ])("ends with an error of status %i", async (code) => {
    let attempts = 0;
    const stream = (call: Stream) => {
      attempts += 1;
      call.emit("error", { code, details: "no" });
    };
    const session = await openScripted({ stream });

    await expect(take(session, 1)).rejects.toMatchObject({ message: "no" });
    expect(attempts).toBe(1);
  });

  it("is cancelled on the server when its loop is left", async () => {
    let cancelled: Promise<unknown> = Promise.resolve();
    const stream = (call: Stream) => {
      cancelled = once(call, "cancelled");
      call.write(batch("one", 1, 2));
    };
    const session = await openScripted({ stream });

    await take(session, 1);

    await cancelled;
  });

  it("ends when it is told to while its next event is waited for", async () => {
    let cancelled: Promise<unknown> = Promise.resolve();
    const stream = (call: Stream) => {
      cancelled = once(call, "cancelled");
      call.write(batch("one", 1));
    };
    const session = await openScripted({ stream });
    const events = session.follow({ signal: new AbortController().signal });
    await events.next();

    const waiting = events.next();
    const done = { done: true, value: undefined };

    await expect(events.return()).resolves.toEqual(done);
    await expect(waiting).resolves.toEqual(done);
    await expect(events.next()).resolves.toEqual(done);
    await cancelled;
  });

  it("is cancelled by its signal while it waits, here and on the server", async () => {
    const controller = new AbortController();
    let cancelled: Promise<unknown> = Promise.resolve();
    const stream = (call: Stream) => {
      cancelled = once(call, "cancelled");
      call.write(caughtUp("one"));
    };
    const session = await openScripted({ stream });

    const onCaughtUp = () => controller.abort("enough");
    const following = take(session, 1, { signal: controller.signal, onCaughtUp });

    await expect(following).rejects.toMatchObject({ code: "cancelled", cause: "enough" });
    await cancelled;
  });

  it("is cancelled by its signal in the pause before it is resumed", async () => {
    const controller = new AbortController();
    const stream = (call: Stream) => {
      call.emit("error", UNAVAILABLE);
      controller.abort("enough");
    };
    const retry = { initialBackoffMs: 86_400_000, maxBackoffMs: 86_400_000 };
    const session = await openScripted({ stream }, { retry });

    const following = take(session, 1, { signal: controller.signal });

    await expect(following).rejects.toMatchObject({ code: "cancelled" });
  });

  it("gives up where it was told to", async () => {
    const silent = await openScripted({ stream: () => undefined });
    const broken = await openScripted({ stream: (call) => call.emit("error", UNAVAILABLE) });

    const options = { timeoutMs: 50 };

    await expect(take(silent, 1, options)).rejects.toMatchObject({ code: "deadline_exceeded" });
    await expect(take(broken, 1, options)).rejects.toMatchObject({ code: "unavailable" });
  });

  it("resumes a stream that has fallen silent", async () => {
    const starts: StreamMessagesRequest["start"][] = [];
    const stream = (call: Stream, attempt: number) => {
      starts.push(request(call).start);
      if (attempt < 4) call.write(batch(`${attempt}`, attempt));
    };
    const session = await openScripted({ stream });

    const events = await take(session, 3, { silenceMs: 50 });

    expect(events).toMatchObject([1, 2, 3].map((sequence) => ({ message: { sequence } })));
    expect(starts.map(({ value }) => value)).toEqual([undefined, "1", "2"]);
  });

  it("does not count heartbeats as silence", async () => {
    let attempts = 0;
    const stream = (call: Stream) => {
      let beats = 0;
      attempts += 1;
      const timer = setInterval(() => {
        beats += 1;
        call.write(beats < 10 ? heartbeat("beat") : batch("one", 1));
      }, 40);
      call.on("cancelled", () => clearInterval(timer));
    };
    const session = await openScripted({ stream });

    await expect(take(session, 1, { timeoutMs: 300 })).resolves.toHaveLength(1);
    await expect(take(session, 1, { silenceMs: 300 })).resolves.toHaveLength(1);
    expect(attempts).toBe(2);
  });

  it("does not run ahead of a slow consumer", async () => {
    let sent = 0;
    const beat = heartbeat("x".repeat(1024 * 1024));
    const stream = (call: Stream) => {
      call.write(batch("one", 1));
      const more = () => {
        while (sent < 200 && !call.cancelled) {
          sent += 1;
          if (!call.write(beat)) return void call.once("drain", more);
        }
      };
      more();
    };
    const session = await openScripted({ stream });
    const events = session.follow();

    await events.next();
    let quiet = 0;
    for (let before = sent; quiet < 100; quiet = before === sent ? quiet + 1 : 0) {
      before = sent;
      await setImmediate();
    }
    const ahead = sent;
    await events.return();

    expect(ahead).toBeLessThan(100);
  });

  it("passes over what a newer server tells of", async () => {
    const stream = (call: Stream) => {
      call.write(frame("new", { case: undefined }));
      call.write(frame("new", { case: "change", value: { revision: 3n } }));
      call.write(batch("one", 1));
    };
    const session = await openScripted({ stream });

    await expect(take(session, 1)).resolves.toMatchObject([{ type: "message" }]);
  });
});
