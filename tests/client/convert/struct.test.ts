import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { WireType } from "@bufbuild/protobuf/wire";
import { SessionSchema } from "@mofa-state/proto/mofa/state/v1/session_pb.js";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { getStruct, setStruct } from "../../../client/src/convert/struct.js";
import type { JsonObject } from "../../../client/src/model/json.js";
import { sessionMethods } from "../../../client/src/transport/methods.js";

const field = SessionSchema.field.metadata;

function overTheWire(metadata: JsonObject | undefined): JsonObject {
  const session = setStruct(create(SessionSchema, { title: "x" }), metadata, { field });
  const bytes = toBinary(SessionSchema, session);
  const schema = sessionMethods.getSession.output.field.session.message;
  return getStruct(fromBinary(schema ?? SessionSchema, bytes), field);
}

const jsonObjects = fc.dictionary(
  fc.oneof(fc.string(), fc.constant("__proto__"), fc.constant("constructor")),
  fc.jsonValue({ stringUnit: "grapheme", maxDepth: 4 }),
);

describe("a Struct", () => {
  it("gives every JSON object back", () => {
    fc.assert(
      fc.property(jsonObjects, (value) => {
        const metadata = JSON.parse(JSON.stringify(value));
        expect(Object.entries(overTheWire(metadata))).toEqual(Object.entries(metadata));
      }),
    );
  });

  it("is what protobuf-es reads and writes", () => {
    const metadata = { a: 1, b: [true, null, "x", {}], c: { d: -0.5 } };
    const session = setStruct(create(SessionSchema, {}), metadata, { field });

    const generated = fromBinary(SessionSchema, toBinary(SessionSchema, session));

    expect(generated.metadata).toEqual(metadata);
  });

  it("keeps an own property named __proto__, nested, too", () => {
    const metadata = JSON.parse('{"__proto__":1,"a":{"__proto__":{"b":2}}}');

    expect(JSON.stringify(overTheWire(metadata))).toBe(JSON.stringify(metadata));
  });

  it("is an internal error where the server's is malformed", () => {
    const raw = { no: field.number, wireType: WireType.LengthDelimited };
    const session = create(SessionSchema, {});
    session.$unknown = [{ ...raw, data: new Uint8Array([2, 10, 200]) }];

    expect(() => getStruct(session, field)).toThrow(expect.objectContaining({ code: "internal" }));
  });

  it("is empty where there is none", () => {
    expect(overTheWire(undefined)).toEqual({});
  });

  it("is refused where it is no object", () => {
    const values: unknown[] = [[], "x", new Date(0), null];

    for (const value of values) {
      expect(() => overTheWire(value as JsonObject)).toThrow(
        expect.objectContaining({ code: "invalid_argument" }),
      );
    }
  });
});
