import { create, toBinary } from "@bufbuild/protobuf";
import { StreamMessagesResponseSchema } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { JsonObject, Message, Part } from "../../../server/src/domain/model.js";
import { toProtoMessage } from "../../../server/src/rpc/convert-message.js";
import {
  encodeBatchFrame,
  encodeCaughtUpFrame,
  encodeMessageFrame,
  encodeMessages,
} from "../../../server/src/rpc/message-encoder.js";

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  // Where a length takes one byte more, in characters and in UTF-8.
  fc.integer({ min: 40, max: 130 }).map((length) => "é".repeat(length)),
  fc.constantFrom("", "\ud800", "\ufeffa🦔", "x".repeat(127), "x".repeat(128), "€".repeat(6_000)),
);
const int64 = fc.oneof(
  fc.nat(300),
  fc.maxSafeNat(),
  fc.constantFrom(127, 128, 2 ** 31, 2 ** 32, 2 ** 53 - 1),
);
const time = fc.integer({ min: -1_000_000, max: 4_102_444_800_000 }).map((ms) => new Date(ms));
const data = fc.uint8Array({ maxLength: 9 });

const part: fc.Arbitrary<Part> = fc.oneof(
  fc.record({ type: fc.constant("tool_call"), id: text, name: text, argumentsJson: text } as const),
  fc.record({ type: fc.constant("data"), json: text } as const),
  fc.record({
    type: fc.constant("file"),
    uri: fc.constant(undefined),
    data,
    mediaType: text,
    name: text,
  } as const),
);

const metadata = fc.dictionary(
  fc.string(),
  fc.oneof(fc.boolean(), fc.constant(null), fc.integer(), fc.string(), fc.array(fc.nat())),
  { maxKeys: 3, noNullPrototype: true },
) as fc.Arbitrary<JsonObject>;

const message: fc.Arbitrary<Message> = fc.record({
  id: text,
  sessionId: text,
  sequence: int64,
  role: fc.constantFrom("system", "user", "assistant", "tool"),
  content: text,
  parts: fc.oneof(fc.constant([]), fc.array(part, { maxLength: 3 })),
  metadata: fc.oneof(fc.constant({}), metadata),
  raw: fc.option(fc.record({ data, mediaType: text }), { nil: undefined }),
  pinned: fc.boolean(),
  tokenCount: fc.option(fc.nat(), { nil: undefined }),
  status: fc.constantFrom("complete", "streaming", "interrupted"),
  createdAt: time,
  updatedAt: time,
  version: int64,
  revision: int64,
  bytes: fc.nat(20_000),
});

function encodeByLibrary(messages: readonly Message[], resumeToken: string): Uint8Array {
  const value = { messages: messages.map(toProtoMessage) };
  const frame = create(StreamMessagesResponseSchema, {
    resumeToken,
    frame: { case: "messages", value },
  });
  return toBinary(StreamMessagesResponseSchema, frame);
}

it("writes what protobuf-es writes, whatever was expected of a message's size", () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 5 }), text, (messages, token) => {
      const encoded = encodeMessageFrame(messages, token);

      expect(encoded.equals(encodeByLibrary(messages, token))).toBe(true);
    }),
    { numRuns: 1_000 },
  );
});

it("makes the same frame of messages that were encoded before", () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 5 }), fc.nat(5), text, (messages, cut, token) => {
      const { length } = messages;
      const encoded = encodeMessages(messages);
      const middle = Math.min(cut, length);
      const slices = [encoded.bytes(0, middle), encoded.bytes(middle, length)];

      expect(encodeBatchFrame(slices, token).equals(encodeByLibrary(messages, token))).toBe(true);
      const rest = encoded.slice(middle, length).concat(encoded.slice(0, middle));
      const turned = [...messages.slice(middle), ...messages.slice(0, middle)];
      expect(rest.bytes(0, length)).toEqual(encodeMessages(turned).bytes(0, length));
    }),
  );
});

it("writes what protobuf-es writes of a stream that has caught up", () => {
  fc.assert(
    fc.property(int64, int64, text, (headSequence, revision, resumeToken) => {
      const value = { headSequence: BigInt(headSequence), revision: BigInt(revision) };
      const frame = create(StreamMessagesResponseSchema, {
        resumeToken,
        frame: { case: "caughtUp", value },
      });

      const encoded = encodeCaughtUpFrame({ headSequence, revision }, resumeToken);

      expect(encoded.equals(toBinary(StreamMessagesResponseSchema, frame))).toBe(true);
    }),
  );
});

it("writes messages that are larger than its buffer", () => {
  const [sample] = fc.sample(message, 1);
  const large = Array.from({ length: 3 }, () => ({
    ...sample,
    content: "€".repeat(700_000),
  })) as Message[];

  const encoded = encodeMessageFrame(large, "t");

  expect(encoded.equals(encodeByLibrary(large, "t"))).toBe(true);
  expect(encodeMessageFrame([], "t").equals(encodeByLibrary([], "t"))).toBe(true);
});

it("writes a frame after one that it could not write", () => {
  const [sample] = fc.sample(message, 1);
  const bad = { ...sample, createdAt: new Date(Number.NaN) } as Message;
  expect(() => encodeMessageFrame([bad], "t")).toThrow();

  const encoded = encodeMessageFrame([], "t");

  expect(encoded.equals(encodeByLibrary([], "t"))).toBe(true);
});
