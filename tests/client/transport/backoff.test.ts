import { getEventListeners } from "node:events";
import { describe, expect, it } from "vitest";
import { StateError } from "../../../client/src/errors.js";
import { Backoff } from "../../../client/src/transport/backoff.js";
import { toRetryPolicy } from "../../../client/src/transport/retry-policy.js";
import { countDependants } from "../dependants.js";

const open = new AbortController().signal;
const limits = { deadline: Number.POSITIVE_INFINITY, signal: undefined };
const unavailable = new StateError("unavailable", "later");
const late = new StateError("deadline_exceeded", "too late");

describe("a backoff", () => {
  it("lets what is unavailable be repeated, however often it failed", async () => {
    const backoff = new Backoff(toRetryPolicy({ initialBackoffMs: 0 }), open);

    for (let failures = 0; failures < 2_000; failures += 1) {
      await expect(backoff.pauseAfter(unavailable, limits)).resolves.toBeUndefined();
    }
  });

  it("throws the last error after the last attempt", async () => {
    const backoff = new Backoff(toRetryPolicy({ maxAttempts: 2, initialBackoffMs: 0 }), open);

    await backoff.pauseAfter(unavailable, limits);

    await expect(backoff.pauseAfter(unavailable, limits)).rejects.toBe(unavailable);
  });

  it.each(["resource_exhausted", "aborted", "internal", "deadline_exceeded"] as const)(
    "lets nothing be repeated that is %s",
    async (code) => {
      const error = new StateError(code, "no");

      await expect(new Backoff(toRetryPolicy(), open).pauseAfter(error, limits)).rejects.toBe(
        error,
      );
    },
  );

  it("waits as long as the server asks, up to the longest pause", async () => {
    const backoff = new Backoff(toRetryPolicy({ initialBackoffMs: 0, maxBackoffMs: 50 }), open);
    const error = new StateError("unavailable", "later", { retryAfterMs: 60_000 });
    const start = performance.now();

    await backoff.pauseAfter(error, limits);

    expect(performance.now() - start).toBeGreaterThanOrEqual(49);
    expect(performance.now() - start).toBeLessThan(10_000);
  });

  it("throws the error where its pause would go beyond the deadline", async () => {
    const error = new StateError("unavailable", "later", { retryAfterMs: 2_000 });
    const soon = { ...limits, deadline: performance.now() + 1_000 };

    await expect(new Backoff(toRetryPolicy(), open).pauseAfter(error, soon)).rejects.toBe(error);
  });

  it("throws what was unavailable where the deadline cut its retry short", async () => {
    const backoff = new Backoff(toRetryPolicy({ initialBackoffMs: 0 }), open);
    await backoff.pauseAfter(unavailable, limits);

    await expect(backoff.pauseAfter(late, limits)).rejects.toBe(unavailable);
  });

  it("is cancelled in its pause by the signal, and lets go of it", async () => {
    const error = new StateError("unavailable", "later", { retryAfterMs: 60_000 });
    const controller = new AbortController();
    const { signal } = controller;
    const backoff = new Backoff(toRetryPolicy({ maxBackoffMs: 60_000 }), open);
    const pause = backoff.pauseAfter(error, { ...limits, signal });

    controller.abort("enough");

    await expect(pause).rejects.toMatchObject({ code: "cancelled", cause: "enough" });
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("leaves nothing at its signals after a pause", async () => {
    const { signal } = new AbortController();
    const closed = new AbortController().signal;
    const backoff = new Backoff(toRetryPolicy({ initialBackoffMs: 0 }), closed);

    await backoff.pauseAfter(unavailable, { ...limits, signal });

    for (const source of [signal, closed]) {
      expect(getEventListeners(source, "abort")).toEqual([]);
      expect(countDependants(source)).toBe(0);
    }
  });

  it("is cancelled in its pause by closing the connection", async () => {
    const error = new StateError("unavailable", "later", { retryAfterMs: 60_000 });
    const closing = new AbortController();
    const backoff = new Backoff(toRetryPolicy({ maxBackoffMs: 60_000 }), closing.signal);
    const pause = backoff.pauseAfter(error, limits);

    closing.abort();

    await expect(pause).rejects.toMatchObject({ code: "cancelled" });
  });
});
