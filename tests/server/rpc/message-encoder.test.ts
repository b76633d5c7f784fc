import { create, toBinary } from "@bufbuild/protobuf";
import { StreamMessagesResponseSchema } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { EncodedMessages } from "../../../server/src/domain/history-cache/encoded-messages.js";
import type { PassedMessage } from "../../../server/src/domain/history-cache/message-encoder.js";
import type { Message } from "../../../server/src/domain/model.js";
import { Utf8Text } from "../../../server/src/domain/text.js";
import { toProtoMessage } from "../../../server/src/rpc/convert-message.js";
import {
  beginMessages,
  encodeBatchFrame,
  encodeCaughtUpFrame,
  encodeMessageFrame,
} from "../../../server/src/rpc/message-encoder.js";
import { wholeMessage } from "../../support/whole-message.js";
import { int64, message, text } from "./message-samples.js";

function encodeByLibrary(messages: readonly Message[], resumeToken: string): Uint8Array {
  const value = { messages: messages.map(toProtoMessage) };
  const frame = create(StreamMessagesResponseSchema, {
    resumeToken,
    frame: { case: "messages", value },
  });
  return toBinary(StreamMessagesResponseSchema, frame);
}

/** Encodes messages, and others after them that are not asked for. */
function encodeMessages(messages: readonly PassedMessage[], others: readonly Message[] = []) {
  const encoding = beginMessages();
  for (const message of [...messages, ...others]) encoding.add(message);
  return encoding.end(messages.length);
}

function partsOf(encoded: EncodedMessages) {
  return [encoded.length, encoded.size, encoded.bytes(0, encoded.length)];
}

/** Gives a text as bytes among others. */
function toBytes(value: string): Utf8Text {
  const bytes = Buffer.from(`é${value}é`);
  return new Utf8Text(bytes, 2, bytes.length - 2);
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

      const frame = wholeMessage(encodeBatchFrame(slices, token));
      expect(frame.equals(encodeByLibrary(messages, token))).toBe(true);
      const rest = encoded.slice(middle, length).concat(encoded.slice(0, middle));
      const turned = [...messages.slice(middle), ...messages.slice(0, middle)];
      expect(rest.bytes(0, length)).toEqual(encodeMessages(turned).bytes(0, length));
    }),
  );
});

it("makes the same of texts that are bytes", () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 5 }), (messages) => {
      const passed = messages.map((message) => {
        return { ...message, id: toBytes(message.id), content: toBytes(message.content) };
      });
      const encoded = encodeMessages(passed);

      const frame = wholeMessage(encodeBatchFrame([encoded.bytes(0, messages.length)], ""));
      expect(frame.equals(encodeByLibrary(messages, ""))).toBe(true);
    }),
  );
});

it("gives as many as are asked for, however many were encoded beside them", () => {
  const [one, other, more] = fc.sample(message, 3).map((sample) => [sample]);
  const encoding = beginMessages();
  const beside = beginMessages();
  for (const sample of one ?? []) encoding.add(sample);
  for (const sample of other ?? []) beside.add(sample);
  for (const sample of more ?? []) encoding.add(sample);

  const encoded = encoding.end(1);

  expect(partsOf(encoded)).toEqual(partsOf(encodeMessages(one ?? [])));
  expect(partsOf(beside.end(2))).toEqual(partsOf(encodeMessages(other ?? [], more)));
});

it("keeps no more memory than the messages take", () => {
  const sample = fc.sample(message, 2);
  const encoded = encodeMessages(sample);

  for (const kept of [encoded, encoded.slice(0, 1), encoded.concat(encoded)]) {
    const bytes = kept.bytes(0, kept.length);
    expect(bytes.buffer.byteLength).toBe(bytes.byteLength);
  }
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
