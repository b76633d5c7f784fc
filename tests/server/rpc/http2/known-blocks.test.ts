import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HeaderBlockError } from "../../../../server/src/rpc/http2/hpack/header-block-error.js";
import type { HeaderDecoder } from "../../../../server/src/rpc/http2/hpack/header-decoder.js";
import {
  hex,
  kept,
  NO_TABLE,
  newDecoder,
  passing,
  plain,
  RESIZING,
  SAME_TABLE_SIZE,
} from "./block-samples.js";

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
    const decoder = newDecoder();
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
