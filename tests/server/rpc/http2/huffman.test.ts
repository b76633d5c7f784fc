import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HeaderBlockError } from "../../../../server/src/rpc/http2/hpack/header-block-error.js";
import { decodeHuffman } from "../../../../server/src/rpc/http2/hpack/huffman.js";
import { hex, latin1 } from "./block-samples.js";
import {
  decodeBits,
  END_OF_STRING,
  encodeHuffman,
  HUFFMAN_CODES,
  toBytes,
} from "./huffman-codes.js";

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
