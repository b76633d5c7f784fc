import { expect, it } from "vitest";
import { toRetryPolicy } from "../../../client/src/transport/retry-policy.js";

it("leaves the number of attempts to the deadline by default", () => {
  expect(toRetryPolicy()).toMatchObject({ maxAttempts: Number.POSITIVE_INFINITY });
});

it.each([
  { maxAttempts: 0 },
  { maxAttempts: 1.5 },
  { initialBackoffMs: -1 },
  { maxBackoffMs: Number.NaN },
])("refuses %j", (options) => {
  expect(() => toRetryPolicy(options)).toThrow(
    expect.objectContaining({ code: "invalid_argument" }),
  );
});
