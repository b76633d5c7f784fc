import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  MessageSchema,
  MessageStatus,
  type Part,
  PartSchema,
  Role,
  type StreamMessagesResponse,
  StreamMessagesResponseSchema,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeMessageFrame } from "../../../client/src/convert/frame-decoder.js";
import { toMessage, toPosition } from "../../../client/src/convert/message.js";
import type { MessageFrame } from "../../../client/src/model/message.js";
import { messageMethods } from "../../../client/src/transport/methods.js";
import { decode } from "../../../client/src/transport/wire.js";

const text = fc
  .string({ unit: "binary", maxLength: 40 })
  .map((given) => Buffer.from(given).toString());
const int64 = fc.oneof(
  fc.bigInt(0n, 300n),
  fc.bigInt(0n, 2n ** 53n - 1n),
  fc.constantFrom(2n ** 28n - 1n, 2n ** 28n, 2n ** 35n, 2n ** 53n - 1n),
);
const int32 = fc.oneof(fc.nat(200), fc.nat(), fc.integer({ min: -(2 ** 31), max: -1 }));
const time = fc.integer({ min: -1_000_000, max: 4_102_444_800_000 }).map(timestampFromMs);

const part: fc.Arbitrary<Part> = fc
  .oneof(
    fc.record({ id: text, name: text }).map((value) => ({ case: "toolCall", value }) as const),
    fc
      .record({ callId: text, text, isError: fc.boolean() })
      .map((value) => ({ case: "toolResult", value }) as const),
    fc
      .uint8Array({ maxLength: 9 })
      .map((value) => ({ case: "file", value: { content: { case: "data", value } } }) as const),
  )
  .map((given) => create(PartSchema, { part: given }));

const message = fc
  .record({
    id: text,
    sessionId: text,
    sequence: int64,
    role: fc.constantFrom(Role.SYSTEM, Role.USER, Role.ASSISTANT, Role.TOOL),
    content: fc.oneof(text, fc.constant("\ufeffa\ufffd🦔"), fc.constant("x".repeat(300))),
    parts: fc.array(part, { maxLength: 3 }),
    metadata: fc.dictionary(
      text,
      fc.oneof(fc.boolean(), fc.double({ noNaN: true, noDefaultInfinity: true }), text),
      { maxKeys: 3 },
    ),
    raw: fc.option(fc.record({ data: fc.uint8Array({ maxLength: 9 }), mediaType: text }), {
      nil: undefined,
    }),
    pinned: fc.boolean(),
    status: fc.constantFrom(MessageStatus.COMPLETE, MessageStatus.STREAMING),
    tokenCount: fc.option(int32, { nil: undefined }),
    createdAt: time,
    updatedAt: time,
    version: int64,
    revision: int64,
  })
  .map(({ raw, tokenCount, ...fields }) =>
    create(MessageSchema, {
      ...fields,
      ...(raw && { raw }),
      ...(tokenCount !== undefined && { tokenCount }),
    }),
  );

const frame: fc.Arbitrary<StreamMessagesResponse> = fc
  .record({
    resumeToken: text,
    frame: fc.oneof(
      { weight: 4, arbitrary: fc.array(message, { maxLength: 4 }).map(toBatch) },
      fc
        .record({ headSequence: int64, revision: int64 })
        .map((value) => ({ case: "caughtUp", value }) as const),
      fc.constant({ case: "heartbeat", value: {} } as const),
    ),
  })
  .map((fields) => create(StreamMessagesResponseSchema, fields));

function toBatch<M>(messages: M[]) {
  return { case: "messages", value: { messages } } as const;
}

/** What comes of a frame by protobuf-es. */
function byLibrary(bytes: Uint8Array): MessageFrame {
  const answer = decode(messageMethods.streamMessages.output, bytes);
  const { frame: given, resumeToken } = answer;
  const messages = given.case === "messages" ? given.value.messages.map(toMessage) : [];
  const caughtUp = given.case === "caughtUp" ? toPosition(given.value) : undefined;
  return { messages, resumeToken, caughtUp };
}

function outcome(work: () => MessageFrame): unknown {
  try {
    return work();
  } catch (error) {
    return (error as { readonly code?: unknown }).code;
  }
}

describe("a frame of a stream", () => {
  it("is decoded to what protobuf-es makes of it", () => {
    const property = fc.property(frame, (given) => {
      const bytes = toBinary(StreamMessagesResponseSchema, given);
      expect(decodeMessageFrame(bytes)).toStrictEqual(byLibrary(bytes));
    });
    fc.assert(property, { numRuns: 1_000 });
  });

  it("that is cut off is refused where protobuf-es refuses it", () => {
    const property = fc.property(frame, fc.nat(), (given, at) => {
      const whole = toBinary(StreamMessagesResponseSchema, given);
      const bytes = whole.slice(0, at % (whole.length + 1));
      expect(outcome(() => decodeMessageFrame(bytes))).toStrictEqual(
        outcome(() => byLibrary(bytes)),
      );
    });
    fc.assert(property, { numRuns: 3_000 });
  });

  it("that is garbled is decoded or refused, and nothing else", () => {
    const property = fc.property(frame, fc.nat(), fc.nat(255), (given, at, byte) => {
      const bytes = toBinary(StreamMessagesResponseSchema, given);
      if (bytes.length > 0) bytes[at % bytes.length] = byte;
      const decoded = outcome(() => decodeMessageFrame(bytes));
      if (decoded !== "internal") expect(decoded).toHaveProperty("resumeToken");
    });
    fc.assert(property, { numRuns: 3_000 });
  });

  it("keeps what a newer server adds from being an error", () => {
    const bytes = toBinary(
      StreamMessagesResponseSchema,
      create(StreamMessagesResponseSchema, { resumeToken: "t" }),
    );
    // Fields of the number 100: a varint, 8 bytes, a text and 4 bytes.
    const added = [
      0xa0, 6, 0xff, 1, 0xa1, 6, 1, 2, 3, 4, 5, 6, 7, 8, 0xa2, 6, 1, 65, 0xa5, 6, 1, 2, 3, 4,
    ];

    const decoded = decodeMessageFrame(Uint8Array.from([...added, ...bytes]));

    expect(decoded).toEqual({ messages: [], resumeToken: "t", caughtUp: undefined });
    expect(fromBinary(StreamMessagesResponseSchema, bytes).resumeToken).toBe("t");
  });
});
