import { describe, expect, it } from "vitest";
import { takePage } from "../../../server/src/storage/bounded-page.js";

interface Case {
  readonly sizes: readonly number[];
  readonly maxItems: number;
  readonly taken: readonly number[];
  readonly hasMore: boolean;
}

const CASES: readonly (readonly [name: string, example: Case])[] = [
  ["nothing of nothing", { sizes: [], maxItems: 3, taken: [], hasMore: false }],
  ["all of the number", { sizes: [1, 1, 1], maxItems: 3, taken: [1, 1, 1], hasMore: false }],
  ["no more than the number", { sizes: [1, 2, 3], maxItems: 2, taken: [1, 2], hasMore: true }],
  ["all of the bytes", { sizes: [4, 6], maxItems: 3, taken: [4, 6], hasMore: false }],
  ["what fits the bytes", { sizes: [4, 7], maxItems: 3, taken: [4], hasMore: true }],
  [
    "nothing behind what does not fit",
    { sizes: [4, 7, 1], maxItems: 3, taken: [4], hasMore: true },
  ],
  ["one at least, however large", { sizes: [99, 1], maxItems: 3, taken: [99], hasMore: true }],
  ["a large one that is alone", { sizes: [99], maxItems: 3, taken: [99], hasMore: false }],
  ["one of two", { sizes: [1, 1], maxItems: 1, taken: [1], hasMore: true }],
  ["items without size", { sizes: [0, 10, 0], maxItems: 9, taken: [0, 10, 0], hasMore: false }],
];

describe("takePage, of 10 bytes at most,", () => {
  it.each(CASES)("takes %s", (_, { sizes, maxItems, taken, hasMore }) => {
    const page = takePage(sizes, { maxItems, maxBytes: 10 }, (size) => size);

    expect(page).toEqual({ items: taken, hasMore });
  });
});
