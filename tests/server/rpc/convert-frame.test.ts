import { fromBinary } from "@bufbuild/protobuf";
import { StreamMessagesResponseSchema } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { expect, it } from "vitest";
import type { SessionFrame } from "../../../server/src/domain/session-frame.js";
import { encodeFrame } from "../../../server/src/rpc/convert-frame.js";
import { wholeMessage } from "../../support/whole-message.js";

function decode(frame: SessionFrame) {
  return fromBinary(StreamMessagesResponseSchema, wholeMessage(encodeFrame(frame)));
}

it("encodes a frame once, for however many followers it is", () => {
  const frame = { type: "heartbeat", headSequence: 1, revision: 2, resumeToken: "t" } as const;

  expect(encodeFrame(frame)).toBe(encodeFrame(frame));
});

it("keeps what a delta brings, and where it begins", () => {
  const message = { messageId: "m", sequence: 3 } as const;
  const text = { ...message, type: "text", offset: 4, text: "é" } as const;
  const json = { type: "data", json: "1" } as const;
  const part = { ...message, type: "part", partIndex: 2, part: json } as const;

  expect(decode({ type: "delta", resumeToken: "t", delta: text })).toMatchObject({
    resumeToken: "t",
    frame: {
      case: "delta",
      value: { messageId: "m", sequence: 3n, offset: 4n, delta: { case: "text", value: "é" } },
    },
  });
  expect(decode({ type: "delta", resumeToken: "t", delta: part })).toMatchObject({
    frame: {
      case: "delta",
      value: { partIndex: 2, delta: { case: "part", value: { part: { case: "data" } } } },
    },
  });
});

it("keeps what a change says", () => {
  const changes = [
    [
      { type: "message_deleted", messageId: "m", sequence: 3 },
      { case: "messageDeleted", value: { messageId: "m", sequence: 3n } },
    ],
    [
      { type: "messages_cleared", afterSequence: 3, throughSequence: 9 },
      { case: "messagesCleared", value: { afterSequence: 3n, throughSequence: 9n } },
    ],
    [{ type: "session_deleted" }, { case: "sessionDeleted" }],
    [
      { type: "state_put", states: [{ key: "k", version: 2, mediaType: "a/b" }] },
      { case: "statePut", value: { states: [{ key: "k", version: 2n, mediaType: "a/b" }] } },
    ],
    [
      { type: "state_deleted", key: "k", version: 2 },
      { case: "stateDeleted", value: { key: "k", version: 2n } },
    ],
  ] as const;

  for (const [change, expected] of changes) {
    const frame = { type: "change", resumeToken: "t", change: { revision: 7, ...change } } as const;
    expect(decode(frame).frame).toMatchObject({
      case: "change",
      value: { revision: 7n, change: expected },
    });
  }
});
