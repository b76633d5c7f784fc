import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DynamicTable } from "../../../../server/src/rpc/http2/hpack/dynamic-table.js";
import {
  type HeaderField,
  toHeaderField,
} from "../../../../server/src/rpc/http2/hpack/header-field.js";

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
