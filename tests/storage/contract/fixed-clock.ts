import { onTestFinished, vi } from "vitest";

/** Stops the clock at a time that the test may move, until the test ends; timers go on. */
export function stopClock(at: Date): (to: Date) => void {
  vi.useFakeTimers({ toFake: ["Date"], now: at });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  return (to) => {
    vi.setSystemTime(to);
  };
}
