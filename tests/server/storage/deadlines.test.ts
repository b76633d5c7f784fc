import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Deadlines } from "../../../server/src/storage/deadlines.js";

const MS = 1_000;

function never(): Promise<never> {
  return new Promise(() => {});
}

/** Waits for ever, and tells what became of it. */
function waitFor(deadlines: Deadlines): { outcome: string } {
  const wait = { outcome: "open" };
  const onTimeout = () => {
    wait.outcome = "timed out";
  };
  deadlines.within(never(), onTimeout).catch(({ code }: { readonly code: string }) => {
    wait.outcome += `, ${code}`;
  });
  return wait;
}

describe("deadlines", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("end each wait when its own time is over", async () => {
    const deadlines = new Deadlines(MS);
    const first = waitFor(deadlines);
    await vi.advanceTimersByTimeAsync(MS / 2);
    const second = waitFor(deadlines);

    await vi.advanceTimersByTimeAsync(MS / 2);
    expect([first, second]).toEqual([{ outcome: "timed out, unavailable" }, { outcome: "open" }]);
    await vi.advanceTimersByTimeAsync(MS / 2);
    expect(second.outcome).toBe("timed out, unavailable");
  });

  it("end a wait that begins when those before it have ended", async () => {
    const deadlines = new Deadlines(MS);
    await expect(deadlines.within(Promise.resolve("done"), () => {})).resolves.toBe("done");
    await vi.advanceTimersByTimeAsync(3 * MS);
    const wait = waitFor(deadlines);

    await vi.advanceTimersByTimeAsync(MS);

    expect(wait.outcome).toBe("timed out, unavailable");
  });

  it("give the outcome of what ends in time, and leave it alone", async () => {
    const deadlines = new Deadlines(MS);
    const onTimeout = vi.fn();
    const outcomes = [
      deadlines.within(Promise.resolve(1), onTimeout),
      deadlines.within(Promise.reject(new Error("failed")), onTimeout),
    ];

    const settled = await Promise.allSettled(outcomes);
    await vi.advanceTimersByTimeAsync(2 * MS);

    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect(onTimeout).not.toHaveBeenCalled();
  });
});
