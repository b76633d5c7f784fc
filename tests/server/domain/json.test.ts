import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson, findJsonProblem } from "../../../server/src/domain/json.js";
import type { JsonValue } from "../../../server/src/domain/model.js";

/** Text of any characters that are whole, U+0000 apart. */
const text = fc.string({ unit: "binary" }).filter((value) => !value.includes("\0"));

const jsonValue = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    fc.constant(null),
    fc.boolean(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.maxSafeInteger(),
    text,
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(text, tie("value"), { maxKeys: 4 }),
  ),
})).value;

/** Turns the keys of every object around. */
function reverseKeys(value: JsonValue): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(reverseKeys);
  const entries = Object.entries(value).reverse();
  return Object.fromEntries(entries.map(([key, item]) => [key, reverseKeys(item)]));
}

describe("findJsonProblem", () => {
  it("accepts whatever JSON.stringify writes", () => {
    fc.assert(
      fc.property(jsonValue, fc.constantFrom(0, 2), (value, space) => {
        expect(findJsonProblem(JSON.stringify(value, undefined, space))).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    "[".repeat(100) + "]".repeat(100),
    `{"a":{"a":{"a":1}},"b":{"a":1}}`,
    '[{"a":1},{"a":1}]',
    '{"a":"a","b":["a","a"],"c":{"a":"b"}}',
    String.raw`"\\u0000"`,
    String.raw`"\"\\"`,
    String.raw`{"\\":1,"\"":2,"\\\"":3}`,
    String.raw`"\ud83d\ude00"`,
    String.raw`"\\ud83d"`,
    "9007199254740992",
    "-36124104915009610",
    "1e308",
    "5e-324",
    "0.0e-999",
    " [ ] ",
  ])("accepts %s", (json) => {
    expect(findJsonProblem(json)).toBeUndefined();
  });

  it.each([
    ["", "valid JSON"],
    ["[1,]", "valid JSON"],
    ["undefined", "valid JSON"],
    ["01", "valid JSON"],
    ['"\n"', "valid JSON"],
    ["[".repeat(101) + "]".repeat(101), "100 levels"],
    [`${'{"a":['.repeat(50)}[]${"]}".repeat(50)}`, "100 levels"],
    ['{"a":1,"a":2}', "twice"],
    ['{"a" : {"b":1}, "a" : {"b":1}}', "twice"],
    [String.raw`{"\u0061":1,"a":2}`, "twice"],
    ['{"":1,"":2}', "twice"],
    [String.raw`["\u0000"]`, "U+0000"],
    [String.raw`"\\\u0000"`, "U+0000"],
    [String.raw`"\ud800"`, "surrogate"],
    [String.raw`{"\udfff":1}`, "surrogate"],
    [String.raw`"\ud83d \ude00"`, "surrogate"],
    ["1e309", "double"],
    ["-1e309", "double"],
    ["1e-324", "double"],
    ["9007199254740993", "double"],
    ["[1, 36124104915009609]", "double"],
  ])("refuses %s", (json, problem) => {
    expect(findJsonProblem(json)).toContain(problem);
  });

  it("takes a time that grows no faster than the text", () => {
    const long = JSON.stringify("\\".repeat(200_000));
    const manyKeys = JSON.stringify(
      Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`key ${index}`, index])),
    );
    const start = performance.now();

    expect(findJsonProblem(long)).toBeUndefined();
    expect(findJsonProblem(manyKeys)).toBeUndefined();

    expect(performance.now() - start).toBeLessThan(2_000);
  });
});

describe("canonicalJson", () => {
  it("gives equal text for equal values, in whatever order their keys came", () => {
    fc.assert(
      fc.property(jsonValue, (value) => {
        expect(canonicalJson(reverseKeys(value))).toBe(canonicalJson(value));
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    [{ b: [2, 1], a: { d: null, c: "x" } }, '{"a":{"c":"x","d":null},"b":[2,1]}'],
    [{ "10": 1, "9": 2, A: 3, a: 4, "": 5 }, '{"":5,"10":1,"9":2,"A":3,"a":4}'],
    [[], "[]"],
    ["a\u2028\n", '"a\u2028\\n"'],
    [1e21, "1e+21"],
  ])("writes %j as %s", (value: JsonValue, canonical) => {
    expect(canonicalJson(value)).toBe(canonical);
  });
});
