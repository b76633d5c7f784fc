import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  CreateSessionRequestSchema,
  SessionSchema,
} from "@mofa-state/proto/mofa/state/v1/session_pb.js";
import { describe, expect, it } from "vitest";
import { refuseReservedKey } from "../../../server/src/rpc/reserved-key.js";

/** A Struct, or the Struct below its key `outer`, with one key whose value is null. */
function struct(key: string): Uint8Array {
  const nullValue = new BinaryWriter().tag(1, WireType.Varint).int32(0).finish();
  const entry = new BinaryWriter()
    .tag(1, WireType.LengthDelimited)
    .string(key)
    .tag(2, WireType.LengthDelimited)
    .bytes(nullValue)
    .finish();
  return new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(entry).finish();
}

function nested(inner: Uint8Array): Uint8Array {
  const value = new BinaryWriter().tag(5, WireType.LengthDelimited).bytes(inner).finish();
  const entry = new BinaryWriter()
    .tag(1, WireType.LengthDelimited)
    .string("outer")
    .tag(2, WireType.LengthDelimited)
    .bytes(value)
    .finish();
  return new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(entry).finish();
}

function requestWith(metadata: Uint8Array): Buffer {
  const session = new BinaryWriter().tag(6, WireType.LengthDelimited).bytes(metadata).finish();
  return Buffer.from(new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(session).finish());
}

describe("refuseReservedKey", () => {
  it.each([
    ["at the top", struct("__proto__")],
    ["in a nested object", nested(struct("__proto__"))],
  ])("refuses the key %s, since decoding would drop it", (_, metadata) => {
    const request = requestWith(metadata);

    expect(() => refuseReservedKey(CreateSessionRequestSchema, request)).toThrow(
      expect.objectContaining({
        code: "invalid_argument",
        violations: [expect.objectContaining({ field: "session" })],
      }),
    );
  });

  it("lets the word pass in text, in values and in longer keys", () => {
    const metadata = { text: "__proto__", __proto__x: ["__proto__"] };
    const session = create(SessionSchema, { title: "__proto__", metadata });
    const request = Buffer.from(
      toBinary(CreateSessionRequestSchema, create(CreateSessionRequestSchema, { session })),
    );

    expect(() => refuseReservedKey(CreateSessionRequestSchema, request)).not.toThrow();
  });
});
