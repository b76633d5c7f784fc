import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HeaderBlockError } from "../../../../server/src/rpc/http2/hpack/header-block-error.js";
import { HeaderDecoder } from "../../../../server/src/rpc/http2/hpack/header-decoder.js";
import { encodeHeaders } from "../../../../server/src/rpc/http2/hpack/header-encoder.js";
import { STATIC_TABLE } from "../../../../server/src/rpc/http2/hpack/static-table.js";
import {
  decode,
  fieldsOf,
  hex,
  kept,
  NO_TABLE,
  newDecoder,
  passing,
  plain,
  SAME_TABLE_SIZE,
  TABLE_OF_256,
} from "./block-samples.js";
import { encodeHuffman } from "./huffman-codes.js";

describe("a block that cannot be decoded", () => {
  it.each([
    ["index 0", hex("80")],
    ["index 0 beside a table with fields", Buffer.concat([kept("a", "b"), hex("80")])],
    [
      "index 0 beside a table that is full",
      Buffer.concat([...Array(150).fill(kept("a", "b")), hex("80")]),
    ],
    ["an index beyond the tables", hex("be")],
    ["an index beyond the table's fields", Buffer.concat([kept("a", "b"), hex("bf")])],
    ["an index of many bytes", hex("ff ff ff ff ff 0f")],
    ["the name of an index beyond the tables", hex("7e 01 61")],
    ["a table size that goes on after six bytes", hex("3f 80 80 80 80 80")],
    ["a string longer than the block", hex("00 01 61 7f ff ff ff ff 0f 61")],
    ["a badly coded string", hex("00 01 61 81 00")],
    ["a table of 4097 bytes", hex("3f e2 1f")],
    ["a table resized between fields", hex("82 20 00 01 61 01 62")],
    ["a table resized after a field, where it could be a literal", hex("82 20 01 61 01 62")],
    ["a table size that ends after seven bytes", hex("3f 80 80 80 80 80 00")],
  ])("is refused: %s", (_what, block) => {
    expect(() => decode(block)).toThrow(HeaderBlockError);
  });

  it("is refused if it ends within a field", () => {
    const whole = [
      kept("name", "value"),
      passing("name", "value"),
      encodeHeaders([["content-type", "v".repeat(300)]]),
      Buffer.concat([hex("5f 8c"), encodeHuffman(Buffer.from("www.example.com"))]),
      SAME_TABLE_SIZE,
    ];
    for (const block of whole) {
      expect(() => decode(block)).not.toThrow();
      for (let end = 1; end < block.length; end += 1) {
        expect(() => decode(block.subarray(0, end))).toThrow(HeaderBlockError);
      }
    }
  });

  it("is refused in no other way, whatever it holds", () => {
    const part = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom(kept("a", "b"), passing("c", "d"), hex("be"), hex("7e 01 61"), NO_TABLE),
    );
    const blocks = fc.array(fc.array(part, { maxLength: 5 }), { maxLength: 5 });

    const property = fc.property(blocks, (blocks) => {
      const decoder = newDecoder();
      for (const parts of blocks) {
        try {
          decoder.decode(Buffer.concat(parts));
        } catch (error) {
          expect(error).toBeInstanceOf(HeaderBlockError);
        }
      }
    });
    fc.assert(property, { numRuns: 5_000 });
  });
});

describe("the table of a connection", () => {
  it("is resized at the beginning of a block, twice if need be", () => {
    const decoder = newDecoder();
    decoder.decode(kept("a", "b"));

    decoder.decode(Buffer.concat([NO_TABLE, SAME_TABLE_SIZE, kept("c", "d")]));

    expect({ ...decoder.decode(hex("be")).fields }).toEqual({ c: "d" });
    expect(() => decoder.decode(hex("bf"))).toThrow(HeaderBlockError);
  });

  it("keeps a name whose field it drops for the one that takes it", () => {
    const decoder = newDecoder();
    decoder.decode(Buffer.concat([TABLE_OF_256, kept("name", "1".repeat(100))]));

    decoder.decode(Buffer.concat([hex("7e"), plain("2".repeat(120)), hex("be")]));

    expect({ ...decoder.decode(hex("be")).fields }).toEqual({ name: "2".repeat(120) });
    expect(() => decoder.decode(hex("bf"))).toThrow(HeaderBlockError);
  });

  it("reads integers that are longer than they need to be", () => {
    const decoder = newDecoder();
    decoder.decode(kept("a", "b"));

    expect({ ...decoder.decode(Buffer.concat([hex("0f af 80 00"), plain("c")])).fields }).toEqual({
      a: "c",
    });
  });
});

describe("a list of fields", () => {
  it("is too large beyond its limit, and keeps what there is room for", () => {
    const block = Buffer.concat([passing("a", "1"), passing("b", "2")]);
    const bytes = 2 * (32 + 2);

    const fitting = new HeaderDecoder(bytes).decode(block);
    const tooLarge = new HeaderDecoder(bytes - 1).decode(block);

    expect(fitting).toMatchObject({ isTooLarge: false, fields: { a: "1", b: "2" } });
    expect(tooLarge).toMatchObject({ isTooLarge: true });
    expect({ ...tooLarge.fields }).toEqual({ a: "1" });
  });

  it("fills the table beyond its limit", () => {
    const decoder = new HeaderDecoder(40);

    const { isTooLarge } = decoder.decode(
      Buffer.concat([kept("a", "1".repeat(50)), kept("b", "2")]),
    );

    expect(isTooLarge).toBe(true);
    expect({ ...decoder.decode(hex("be")).fields }).toEqual({ b: "2" });
  });

  it("takes no more memory than its limit, however often a block repeats a field", () => {
    const decoder = newDecoder();
    decoder.decode(Buffer.concat([hex("40 01 61 7f a1 1e"), Buffer.alloc(4_000, "v")]));

    const { fields, isTooLarge } = decoder.decode(Buffer.alloc(1_000_000, 0xbe));

    expect(isTooLarge).toBe(true);
    expect(fields.a).toHaveLength(4_000);
  });

  it("is too large where repeated fields make up a long value", () => {
    const decoder = newDecoder();
    const long = Buffer.alloc(1_500, "v");
    const literal = Buffer.concat([Buffer.from([0x40, 1, 0x61, 0x7f, 0xdd, 0x0a]), long]);
    decoder.decode(literal);

    expect(decoder.decode(Buffer.alloc(2, 0xbe)).fields.a).toHaveLength(2 * long.length + 2);
    expect(decoder.decode(Buffer.alloc(3, 0xbe)).isTooLarge).toBe(true);
  });

  it("joins the values of a name that is repeated", () => {
    const block = Buffer.concat(
      [
        ["x", "1"],
        ["cookie", "a=1"],
        ["x", "2"],
        ["cookie", "b=2"],
        ["x", ""],
      ].map(([name = "", value = ""]) => passing(name, value)),
    );

    expect(decode(block)).toMatchObject({
      fields: { x: "1, 2, ", cookie: "a=1; b=2" },
      isMalformed: false,
    });
  });

  it("has the names of objects' own properties like any other", () => {
    const block = Buffer.concat([passing("__proto__", "1"), passing("constructor", "2")]);

    const { fields } = decode(block);

    expect(Object.entries(fields)).toEqual([
      ["__proto__", "1"],
      ["constructor", "2"],
    ]);
    expect(decode(hex("82")).fields.constructor).toBeUndefined();
  });

  it("reads each byte as the character of its number", () => {
    expect(fieldsOf(passing("x", "\u00e9\u00ff\t\u0080"))).toEqual({ x: "\u00e9\u00ff\t\u0080" });
  });
});

describe("the fields of a request", () => {
  it.each<[string, ...(readonly [string, string])[]]>([
    ["an upper-case name", ["X-a", "1"]],
    ["an empty name", ["", "1"]],
    ["a name with a space", ["x a", "1"]],
    ["a name with a colon", ["x:a", "1"]],
    ["a name that is no ASCII", ["x\u00e9", "1"]],
    ["a name with a control character", ["x\u007f", "1"]],
    ["a pseudo-header after others", ["x", "1"], [":path", "/"]],
    ["a pseudo-header twice", [":path", "/"], [":path", "/"]],
    ["an empty pseudo-header twice", [":authority", ""], [":authority", ""]],
    ["an unknown pseudo-header", [":protocol", "websocket"]],
    ["a pseudo-header of answers", [":status", "200"]],
    ["connection", ["connection", "close"]],
    ["transfer-encoding", ["transfer-encoding", "chunked"]],
    ["upgrade", ["upgrade", "h2c"]],
    ["keep-alive", ["keep-alive", "1"]],
    ["proxy-connection", ["proxy-connection", "close"]],
    ["te that wants more than trailers", ["te", "gzip"]],
    ["te that wants trailers and more", ["te", "trailers, gzip"]],
    ["a value with NUL", ["x", "a\0"]],
    ["a value with CR", ["x", "\ra"]],
    ["a value with LF", ["x", "a\nb"]],
  ])("are malformed: %s", (_what, ...fields) => {
    const decoder = newDecoder();

    const { isMalformed } = decoder.decode(
      Buffer.concat(fields.map(([name, value]) => kept(name, value))),
    );

    expect(isMalformed).toBe(true);
    // Again where the tables have them, which were kept up all the same.
    const indexes = fields.map((_, index) => 0x80 + STATIC_TABLE.length + fields.length - index);
    expect(decoder.decode(Buffer.from(indexes)).isMalformed).toBe(true);
    expect(decoder.decode(kept("x", "1")).isMalformed).toBe(false);
  });

  it("are well-formed where they are those of a call", () => {
    const fields = [
      [":method", "POST"],
      [":scheme", "http"],
      [":path", "/mofa.state.v1.Sessions/Get"],
      [":authority", "a.example"],
      ["te", "trailers"],
      ["content-type", "application/grpc"],
      ["!#$%&'*+-.^_`|~09az", " \t\u00ff "],
    ] as const;

    const { isMalformed, fields: decoded } = decode(encodeHeaders(fields));

    expect(isMalformed).toBe(false);
    expect(Object.entries(decoded)).toEqual(fields);
  });
});
