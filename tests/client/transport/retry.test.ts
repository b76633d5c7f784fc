import { describe, expect, it } from "vitest";
import { StateError } from "../../../client/src/errors.js";
import { retry, toRetryPolicy } from "../../../client/src/transport/retry.js";

const policy = toRetryPolicy({ maxAttempts: 4, initialBackoffMs: 0, maxBackoffMs: 50 });
const limits = { deadline: Number.POSITIVE_INFINITY, signal: undefined };

function failing(times: number, error: StateError) {
  return async (count: number) => {
    if (count <= times) throw error;
    return count;
  };
}

describe("retry", () => {
  it("repeats what is unavailable until it succeeds", async () => {
    const unavailable = new StateError("unavailable", "later");

    await expect(retry(policy, limits, failing(3, unavailable))).resolves.toBe(4);
  });

  it("throws the last error after the last attempt", async () => {
    const unavailable = new StateError("unavailable", "later");

    await expect(retry(policy, limits, failing(4, unavailable))).rejects.toBe(unavailable);
  });

  it.each(["resource_exhausted", "aborted", "internal", "deadline_exceeded"] as const)(
    "does not repeat what is %s",
    async (code) => {
      const error = new StateError(code, "no");

      await expect(retry(policy, limits, failing(1, error))).rejects.toBe(error);
    },
  );

  it("waits as long as the server asks, up to the longest pause", async () => {
    const error = new StateError("unavailable", "later", { retryAfterMs: 60_000 });
    const start = performance.now();

    await retry(policy, limits, failing(1, error));

    expect(performance.now() - start).toBeGreaterThanOrEqual(49);
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  it("begins no attempt after the deadline", async () => {
    const error = new StateError("unavailable", "later", { retryAfterMs: 50 });
    const soon = { ...limits, deadline: performance.now() + 20 };

    await expect(retry(policy, soon, failing(1, error))).rejects.toBe(error);
  });

  it("is cancelled in its pause by its signal", async () => {
    const error = new StateError("unavailable", "later", { retryAfterMs: 60_000 });
    const patient = toRetryPolicy({ maxBackoffMs: 60_000 });
    const signal = AbortSignal.abort("enough");

    const call = retry(patient, { ...limits, signal }, failing(1, error));

    await expect(call).rejects.toMatchObject({ code: "cancelled", cause: "enough" });
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
});
