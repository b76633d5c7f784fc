import { setImmediate } from "node:timers/promises";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { status } from "@grpc/grpc-js";
import type { FollowPosition, SessionEvent } from "@mofa-state/client";
import type {
  ChangeSchema,
  StreamMessagesRequest,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { describe, expect, it } from "vitest";
import { openScripted } from "../scripted-server.js";
import {
  batch,
  caughtUp,
  frame,
  heartbeat,
  request,
  type Stream,
  take,
} from "../scripted-stream.js";

const UNAVAILABLE = { code: status.UNAVAILABLE, details: "later" };
const DELETED = { code: status.NOT_FOUND, details: "the session was deleted" };

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
