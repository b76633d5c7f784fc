import { expect, it } from "vitest";
import { parseUtc } from "../../../server/src/storage/utc-text.js";

const TIMES = [
  "1969-12-31T23:59:59.999Z",
  "1970-01-01T00:00:00.000Z",
  "2024-02-29T12:34:56.789Z",
  "2026-12-31T23:59:59.009Z",
  "2027-01-01T00:00:00.010Z",
  "9999-12-31T23:59:59.999Z",
];

it("reads times to the millisecond, of one day after the other", () => {
  for (const time of [...TIMES, ...TIMES.toReversed()]) {
    const text = time.replace("T", " ").replace("Z", "");

    expect(parseUtc(text)).toBe(Date.parse(time));
  }
});

it("reads times without milliseconds", () => {
  expect(parseUtc("2026-01-02 03:04:05")).toBe(Date.UTC(2026, 0, 2, 3, 4, 5));
});
