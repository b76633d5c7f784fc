import { build } from "hdr-histogram-js";
import type { Sample } from "./bench-case.js";

/** How much load a closed loop makes, and for how long. */
export interface LoopOptions {
  /** How many calls are under way at any time. */
  readonly inFlight: number;
  readonly durationMs: number;
}

const MICROSECONDS_A_MINUTE = 60_000_000;

/**
 * Calls again and again, each of the `inFlight` workers as soon as its last call has
 * ended, and gives the latencies and the rate.
 */
export async function closedLoop(
  call: (worker: number) => Promise<void>,
  { inFlight, durationMs }: LoopOptions,
): Promise<Sample> {
  const latencies = build({ highestTrackableValue: MICROSECONDS_A_MINUTE });
  const startedAt = performance.now();
  const endsAt = startedAt + durationMs;

  async function work(worker: number): Promise<void> {
    for (let now = performance.now(); now < endsAt; ) {
      await call(worker);
      const end = performance.now();
      latencies.recordValue(Math.round((end - now) * 1_000));
      now = end;
    }
  }
  await Promise.all(Array.from({ length: inFlight }, (_, worker) => work(worker)));

  const seconds = (performance.now() - startedAt) / 1_000;
  const percentile = (percent: number) => latencies.getValueAtPercentile(percent) / 1_000;
  return {
    operations: latencies.totalCount,
    metrics: [
      { name: "p50", value: percentile(50), unit: "ms" },
      { name: "p99", value: percentile(99), unit: "ms" },
      { name: "rate", value: latencies.totalCount / seconds, unit: "calls/s" },
    ],
  };
}
