import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkJson, fromJsonText, toJsonText } from "../../../client/src/convert/json.js";

function nested(levels: number): unknown {
  return levels === 0 ? [] : [nested(levels - 1)];
}

describe("JSON text", () => {
  it("gives every JSON value back", () => {
    const values = fc.jsonValue({ stringUnit: "grapheme", maxDepth: 5 });

    fc.assert(
      fc.property(values, (value) => {
        // JSON text has no negative zero.
        const expected = JSON.parse(JSON.stringify(value));
        expect(fromJsonText(toJsonText(expected, "state"))).toStrictEqual(expected);
      }),
    );
  });

  it("keeps an own property named __proto__", () => {
    const value = JSON.parse('{"__proto__":{"a":1}}');

    expect(Object.entries(fromJsonText(toJsonText(value, "state")) ?? {})).toEqual([
      ["__proto__", { a: 1 }],
    ]);
  });

  it("is an internal error when the server's is malformed", () => {
    expect(() => fromJsonText("{")).toThrow(expect.objectContaining({ code: "internal" }));
  });
});

describe("checkJson", () => {
  it.each([
    ["undefined", undefined, "state"],
    ["a property that is undefined", { a: { b: undefined } }, "state.a.b"],
    ["a hole of an array", new Array(1), "state[0]"],
    ["NaN", { a: [Number.NaN] }, "state.a[0]"],
    ["infinity", Number.NEGATIVE_INFINITY, "state"],
    ["a bigint", 1n, "state"],
    ["a function", { toJSON: () => 1 }, "state.toJSON"],
    ["a Date", new Date(0), "state"],
    ["a Map", new Map(), "state"],
    ["half of a surrogate pair", ["\ud83d"], "state[0]"],
    ["half of a surrogate pair in a key", { "\udc00": 1 }, "a key of state"],
  ])("refuses %s", (_, value, field) => {
    expect(() => checkJson(value, "state")).toThrow(
      expect.objectContaining({
        code: "invalid_argument",
        violations: [expect.objectContaining({ field })],
      }),
    );
  });

  it("takes 100 levels and refuses 101, so that a circle ends", () => {
    const circle: unknown[] = [];
    circle.push(circle);

    expect(() => checkJson(nested(99), "state")).not.toThrow();
    expect(() => checkJson(nested(100), "state")).toThrow(/100 levels/);
    expect(() => checkJson(circle, "state")).toThrow(/circle/);
  });

  it("takes objects without a prototype, and emoji", () => {
    const value = Object.assign(Object.create(null), { "😀": "😀" });

    expect(() => checkJson(value, "state")).not.toThrow();
  });
});
