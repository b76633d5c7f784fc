import { type IncomingHttpHeaders, type OutgoingHttpHeaders, sensitiveHeaders } from "node:http2";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DynamicTable } from "../../../../server/src/rpc/http2/hpack/dynamic-table.js";
import { HeaderBlockError } from "../../../../server/src/rpc/http2/hpack/header-block-error.js";
import { HeaderDecoder } from "../../../../server/src/rpc/http2/hpack/header-decoder.js";
import { encodeHeaders } from "../../../../server/src/rpc/http2/hpack/header-encoder.js";
import {
  type HeaderField,
  toHeaderField,
} from "../../../../server/src/rpc/http2/hpack/header-field.js";
import type { DecodedHeaders } from "../../../../server/src/rpc/http2/hpack/header-list.js";
import { decodeHuffman } from "../../../../server/src/rpc/http2/hpack/huffman.js";
import { STATIC_TABLE } from "../../../../server/src/rpc/http2/hpack/static-table.js";
import { openHeaderExchange } from "./header-exchange.js";
import {
  decodeBits,
  END_OF_STRING,
  encodeHuffman,
  HUFFMAN_CODES,
  toBytes,
} from "./huffman-codes.js";

const LIMIT = 64 * 1024;

/** What one frame may carry. */
const MAX_FRAME_BYTES = 16 * 1024;

/** Says that the table has its largest size, which it has anyway. */
const SAME_TABLE_SIZE = hex("3fe11f");
const TABLE_OF_256 = hex("3fe101");
const NO_TABLE = hex("20");
const RESIZING: readonly Buffer[] = [SAME_TABLE_SIZE, TABLE_OF_256, NO_TABLE];

const EMPTY_ANSWER = encodeHeaders([[":status", "200"]]);

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(" ", ""), "hex");
}

function newDecoder(): HeaderDecoder {
  return new HeaderDecoder(LIMIT);
}

function decode(block: Buffer): DecodedHeaders {
  return newDecoder().decode(block);
}

function fieldsOf(block: Buffer): Record<string, string> {
  return { ...decode(block).fields };
}

/** Gives a string as a block has it, of up to 126 bytes as they are. */
function plain(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text, "latin1")]);
}

/** Gives a field that a table is to keep. */
function kept(name: string, value: string): Buffer {
  return Buffer.concat([hex("40"), plain(name), plain(value)]);
}

/** Gives a field that no table keeps. */
function passing(name: string, value: string): Buffer {
  return Buffer.concat([hex("00"), plain(name), plain(value)]);
}

const latin1 = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));

/** What the server takes of one call. */
const MAX_LIST_BYTES_OF_A_SERVER = 64 * 1024;

describe("the examples of the RFC", () => {
  it.each([
    [
      "C.2.1",
      "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
      "custom-key",
      "custom-header",
    ],
    ["C.2.2", "040c 2f73 616d 706c 652f 7061 7468", ":path", "/sample/path"],
    ["C.2.3", "1008 7061 7373 776f 7264 0673 6563 7265 74", "password", "secret"],
    ["C.2.4", "82", ":method", "GET"],
  ])("are decoded: %s", (_section, block, name, value) => {
    expect(fieldsOf(hex(block))).toEqual({ [name]: value });
  });

  const first = {
    ":method": "GET",
    ":scheme": "http",
    ":path": "/",
    ":authority": "www.example.com",
  };
  const requests = [
    first,
    { ...first, "cache-control": "no-cache" },
    { ...first, ":scheme": "https", ":path": "/index.html", "custom-key": "custom-value" },
  ];

  it.each([
    [
      "C.3",
      "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
      "8286 84be 5808 6e6f 2d63 6163 6865",
      "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ],
    [
      "C.4",
      "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
      "8286 84be 5886 a8eb 1064 9cbf",
      "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ],
  ])("are decoded: the requests of %s", (_section, ...blocks) => {
    const decoder = newDecoder();

    const decoded = blocks.map((block) => decoder.decode(hex(block)));

    expect(decoded.map(({ fields }) => ({ ...fields }))).toEqual(requests);
    expect(decoded.some(({ isMalformed, isTooLarge }) => isMalformed || isTooLarge)).toBe(false);
  });

  const response = {
    "cache-control": "private",
    date: "Mon, 21 Oct 2013 20:13:21 GMT",
    location: "https://www.example.com",
  };
  const responses = [
    { ":status": "302", ...response },
    { ":status": "307", ...response },
    {
      ":status": "200",
      ...response,
      date: "Mon, 21 Oct 2013 20:13:22 GMT",
      "content-encoding": "gzip",
      "set-cookie": "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
    },
  ];

  it.each([
    [
      "C.5",
      "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
      "4803 3330 37c1 c0bf",
      "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
    ],
    [
      "C.6",
      "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
      "4883 640e ffc1 c0bf",
      "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
    ],
  ])("are decoded: the responses of %s, with a table of 256 bytes", (_section, ...blocks) => {
    const decoder = newDecoder();
    decoder.decode(TABLE_OF_256);

    const decoded = blocks.map((block) => decoder.decode(hex(block)));

    expect(decoded.map(({ fields }) => ({ ...fields }))).toEqual(responses);
    // What was dropped is not there: the table has come to three fields again.
    expect(Object.keys(decoder.decode(hex("be bf c0")).fields)).toEqual([
      "set-cookie",
      "content-encoding",
      "date",
    ]);
    expect(() => decoder.decode(hex("c1"))).toThrow(HeaderBlockError);
  });
});

describe("Huffman's method", () => {
  it("decodes each byte", () => {
    const codes = HUFFMAN_CODES.slice(0, END_OF_STRING);

    const decoded = codes.map((code) => {
      const coded = toBytes(code);
      return decodeHuffman(coded, 0, coded.length);
    });

    expect(decoded).toEqual(codes.map((_, byte) => String.fromCharCode(byte)));
  });

  it("decodes any bytes, wherever they stand", () => {
    const property = fc.property(latin1, latin1, (bytes, around) => {
      const coded = encodeHuffman(bytes);
      const block = Buffer.concat([around, coded, around]);

      const decoded = decodeHuffman(block, around.length, around.length + coded.length);

      expect(Buffer.from(decoded, "latin1").equals(bytes)).toBe(true);
    });
    fc.assert(property);
  });

  it("decodes strings longer than all that others share", () => {
    const bytes = Buffer.from("0".repeat(100_000));
    const coded = encodeHuffman(bytes);

    expect(decodeHuffman(coded, 0, coded.length)).toBe(bytes.toString());
  });

  it("agrees with a decoder bit by bit, of each string of up to two bytes", () => {
    const strings = Array.from({ length: 0x10000 }, (_, value) => [
      Buffer.from([value >> 8, value & 0xff]),
      Buffer.from([value & 0xff]),
    ]).flat();

    const differing = strings.filter((coded) => !isDecodedAsBits(coded));

    expect(differing).toEqual([]);
  });

  it("agrees with a decoder bit by bit, of any string that ends in long codes", () => {
    const code = fc.constantFrom(...HUFFMAN_CODES);
    const end = fc.integer({ min: 0, max: 17 }).map((bits) => "1".repeat(bits));
    const bits = fc
      .tuple(fc.array(code, { maxLength: 4 }), end)
      .map((parts) => parts.flat().join(""));

    fc.assert(
      fc.property(bits, (bits) => isDecodedAsBits(toBytes(bits))),
      { numRuns: 2_000 },
    );
  });

  it.each([
    ["padding of eight bits", toBytes(`${HUFFMAN_CODES[0x30]}${"1".repeat(3)}${"1".repeat(8)}`)],
    ["padding of zeros", toBytes(`${HUFFMAN_CODES[0x30]}000`)],
    ["the code of the end", toBytes(`${HUFFMAN_CODES[END_OF_STRING]}`)],
    [
      "the code of the end within",
      toBytes(`${HUFFMAN_CODES[END_OF_STRING]}${HUFFMAN_CODES[0x30]}`),
    ],
    ["half a code", hex("ffff")],
  ])("refuses %s", (_what, coded) => {
    expect(() => decodeHuffman(coded, 0, coded.length)).toThrow(HeaderBlockError);
  });
});

function isDecodedAsBits(coded: Buffer): boolean {
  const expected = decodeBits(coded)?.toString("latin1");
  try {
    return decodeHuffman(coded, 0, coded.length) === expected;
  } catch (error) {
    return error instanceof HeaderBlockError && expected === undefined;
  }
}

describe("a dynamic table", () => {
  it("holds the newest fields that have room in it", () => {
    const field = fc.tuple(fc.constantFrom("a", "b", "c"), fc.nat(150));
    const step = fc.oneof(field, field, fc.nat(300));

    const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const table = new DynamicTable(300);
      let expected: HeaderField[] = [];
      let maxBytes = 300;
      for (const step of steps) {
        if (typeof step === "number") {
          maxBytes = step;
          table.resize(step);
        } else {
          const added = toHeaderField(step[0], "x".repeat(step[1]));
          table.add(added);
          expected.unshift(added);
        }
        expected = newestWithin(expected, maxBytes);

        const found = Array.from({ length: table.length + 1 }, (_, index) => table.at(index));
        expect(found).toEqual([...expected, undefined]);
        expect(table.byteLength).toBe(bytesOf(expected));
      }
    });
    fc.assert(property, { numRuns: 500 });
  });

  it("holds as many fields as there can be", () => {
    const table = new DynamicTable(4096);
    const fields = Array.from({ length: 1_000 }, () => toHeaderField("", ""));

    for (const field of fields) table.add(field);

    expect(table.length).toBe(128);
    expect(table.at(127)).toBe(fields.at(-128));
    expect(table.at(128)).toBeUndefined();
  });
});

function newestWithin(fields: readonly HeaderField[], maxBytes: number): HeaderField[] {
  const tooMany = fields.findIndex((_, index) => bytesOf(fields.slice(0, index + 1)) > maxBytes);
  return fields.slice(0, tooMany === -1 ? fields.length : tooMany);
}

function bytesOf(fields: readonly HeaderField[]): number {
  return fields.reduce((bytes, { name, value }) => bytes + name.length + value.length + 32, 0);
}

const NO_REQUEST_HAS = ["te", "connection", "transfer-encoding", "upgrade", "host"];

/** Names of the static table and others, that Node lets a client send, and an answer have. */
const NAMES = [
  ...STATIC_TABLE.map(({ name }) => name).filter(
    (name) => !name.startsWith(":") && name !== "content-length" && !NO_REQUEST_HAS.includes(name),
  ),
  "grpc-timeout",
  "x-a",
  "x-b",
  "x-request-id",
  "x-trace-bin",
];

const visible = fc.string({
  unit: fc
    .oneof(
      fc.integer({ min: 0x21, max: 0x7e }),
      fc.integer({ min: 0x21, max: 0x7e }),
      fc.integer({ min: 0x80, max: 0xff }),
    )
    .map((unit) => String.fromCharCode(unit)),
  maxLength: 40,
});

const value = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom("", "1", "trailers", "gzip, deflate", "30000m") },
  { weight: 5, arbitrary: visible },
  // As long as a table or longer.
  {
    weight: 1,
    arbitrary: fc.integer({ min: 100, max: 5_000 }).map((length) => "v".repeat(length)),
  },
);

const regularFields = fc.dictionary(fc.constantFrom(...NAMES), value, { maxKeys: 8 });

describe("Node's own client", () => {
  const pseudo = fc.record({
    ":method": fc.constantFrom("GET", "POST", "PUT"),
    ":path": fc.oneof(
      fc.constantFrom("/", "/index.html", "/mofa.state.v1.Sessions/Get"),
      visible.map((path) => `/${encodeURI(path)}`),
    ),
    ":scheme": fc.constantFrom("http", "https"),
    ":authority": fc.constantFrom("a.example", "127.0.0.1:50051", "b.example:1"),
  });
  const several = fc.array(visible, { minLength: 2, maxLength: 4 });

  it.each([4096, 256, 100, 0])(
    "is understood, whatever it sends on one connection, with a table of %i bytes",
    { timeout: 120_000 },
    async (tableBytes) => {
      const exchange = await openHeaderExchange(tableBytes);
      const decoder = newDecoder();
      const sensitive = fc.subarray(NAMES);

      const property = fc.asyncProperty(
        pseudo,
        regularFields,
        several,
        sensitive,
        async (pseudo, regular, several, sensitive) => {
          const request: OutgoingHttpHeaders = {
            ...pseudo,
            ...regular,
            "x-several": several,
            cookie: several,
            te: "trailers",
            [sensitiveHeaders]: sensitive,
          };

          const { block } = await exchange.send(request, EMPTY_ANSWER);
          const { fields, isMalformed, isTooLarge } = decoder.decode(block);

          expect({ ...fields }).toEqual({
            ...pseudo,
            ...regular,
            "x-several": several.join(", "),
            cookie: several.join("; "),
            te: "trailers",
          });
          expect([isMalformed, isTooLarge]).toEqual([false, false]);
        },
      );
      await fc.assert(property, { numRuns: 300 });
    },
  );

  it("understands what it is answered", { timeout: 120_000 }, async () => {
    const exchange = await openHeaderExchange(4096);
    const statuses = fc.constantFrom("200", "204", "206", "304", "400", "404", "500", "201");

    const property = fc.asyncProperty(statuses, regularFields, async (status, regular) => {
      const { "set-cookie": cookie, ...others } = regular;
      const answer = encodeHeaders([[":status", status], ...Object.entries(regular)]);
      fc.pre(answer.length <= MAX_FRAME_BYTES);

      const { answered } = await exchange.send({}, answer);

      const told = cookie === undefined ? others : { ...others, "set-cookie": [cookie] };
      expect(stringKeyed(answered)).toEqual({ ...told, ":status": Number(status) });
    });
    await fc.assert(property, { numRuns: 300 });
  });

  it("is sent the statuses that the table has as one byte each", async () => {
    const exchange = await openHeaderExchange(4096);
    for (const status of [200, 204, 206, 304, 400, 404, 500]) {
      const answer = encodeHeaders([[":status", String(status)]]);

      const { answered } = await exchange.send({}, answer);

      expect(answer).toHaveLength(1);
      expect(answered[":status"]).toBe(status);
    }
  });
});

/** Leaves out what Node says of them beside. */
function stringKeyed(headers: IncomingHttpHeaders): unknown {
  return Object.fromEntries(Object.entries(headers));
}

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
    const decoder = new HeaderDecoder(MAX_LIST_BYTES_OF_A_SERVER);
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

describe("a block that came before", () => {
  it("is decoded once", () => {
    const decoder = newDecoder();
    decoder.decode(kept("a", "b"));
    const block = Buffer.concat([hex("83 be"), passing("c", "d")]);

    const decoded = decoder.decode(block);

    expect(decoder.decode(Buffer.from(block))).toBe(decoded);
    expect({ ...decoded.fields }).toEqual({ ":method": "POST", a: "b", c: "d" });
  });

  it.each<[string, readonly Buffer[], Record<string, string>]>([
    ["after another field", [kept("c", "d")], { c: "d" }],
    ["after another field, and what changed nothing", [kept("c", "d"), hex("82")], { c: "d" }],
    ["after a smaller table", [NO_TABLE, SAME_TABLE_SIZE, kept("e", "f")], { e: "f" }],
    ["after a block that failed", [Buffer.concat([kept("g", "h"), hex("80")])], { g: "h" }],
  ])("is decoded anew where its indexes mean something else: %s", (_when, between, expected) => {
    const decoder = newDecoder();
    decoder.decode(kept("a", "b"));
    const before = decoder.decode(hex("be"));

    for (const block of between) outcome(decoder, block);

    expect({ ...before.fields }).toEqual({ a: "b" });
    expect({ ...decoder.decode(hex("be")).fields }).toEqual(expected);
  });

  it("fills the table as often as it comes", () => {
    const decoder = newDecoder();

    decoder.decode(kept("a", "b"));
    decoder.decode(kept("a", "b"));

    expect(decoder.decode(hex("bf"))).toMatchObject({ fields: { a: "b" } });
  });

  it("is forgotten beyond 32 others, or if it is long", () => {
    const decoder = newDecoder();
    const long = passing("a", "b".repeat(126));
    const first = decoder.decode(hex("82"));

    for (let other = 0; other < 32; other += 1) decoder.decode(passing("c", String(other)));

    expect(decoder.decode(hex("82"))).not.toBe(first);
    expect(decoder.decode(long)).not.toBe(decoder.decode(long));
  });

  it("is decoded again where it stands for much more than its bytes", () => {
    const decoder = new HeaderDecoder(MAX_LIST_BYTES_OF_A_SERVER);
    const value = (byteLength: number) => Buffer.alloc(byteLength, "v");
    const small = Buffer.concat([Buffer.from([0x40, 1, 0x61, 0x64]), value(100)]);
    const large = Buffer.concat([Buffer.from([0x40, 1, 0x62, 0x7f, 0xdd, 0x0a]), value(1_500)]);
    decoder.decode(small);
    decoder.decode(large);

    const few = Buffer.from([0xbe, 0xbf]);
    const many = Buffer.from([0xbe, 0xbe]);
    expect(decoder.decode(few)).toBe(decoder.decode(few));
    expect(decoder.decode(many)).not.toBe(decoder.decode(many));
  });

  it("is refused where its indexes mean nothing any more", () => {
    const decoder = newDecoder();
    decoder.decode(kept("a", "b"));
    decoder.decode(hex("be"));
    decoder.decode(NO_TABLE);

    expect(() => decoder.decode(hex("be"))).toThrow(HeaderBlockError);
  });

  it("is decoded as if it had not, whatever came between", () => {
    const block = fc.constantFrom(
      hex("82"),
      hex("be"),
      hex("bf"),
      hex("be bf"),
      hex("82 c0"),
      hex("84 80"),
      ...RESIZING,
      kept("a", "1"),
      kept("b", "2"),
      kept("c", "3".repeat(90)),
      passing("d", "4"),
      Buffer.concat([hex("7e"), plain("5")]),
      Buffer.concat([hex("0f 2f"), plain("6")]),
      ...Array.from({ length: 40 }, (_, index) => passing("many", String(index))),
    );

    const property = fc.property(fc.array(block, { maxLength: 150, size: "max" }), (blocks) => {
      const decoder = newDecoder();
      const unknowing = newDecoder();
      let size = SAME_TABLE_SIZE;
      for (const block of blocks) {
        if (RESIZING.includes(block)) size = block;
        // No block is known that says again how large the table is.
        expect(outcome(decoder, block)).toEqual(outcome(unknowing, Buffer.concat([size, block])));
      }
    });
    fc.assert(property, { numRuns: 300 });
  });
});

/** Gives what a block says, or that it says nothing. */
function outcome(decoder: HeaderDecoder, block: Buffer): unknown {
  try {
    return { ...decoder.decode(block).fields };
  } catch (error) {
    return error instanceof HeaderBlockError ? "refused" : error;
  }
}
