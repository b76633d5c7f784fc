import type { Sample } from "./bench-case.js";
import { Latencies } from "./latencies.js";

/** How much load a closed loop makes, and for how long. */
export interface LoopOptions {
  /** How many calls are under way at any time. */
  readonly inFlight: number;
  readonly durationMs: number;
}

/**
 * Calls again and again, each of the `inFlight` workers as soon as its last call has
 * ended, and gives the latencies and the rate.
 */
export async function closedLoop(
  call: (worker: number) => Promise<void>,
  { inFlight, durationMs }: LoopOptions,
): Promise<Sample & { readonly rate: number }> {
  const latencies = new Latencies();
  const startedAt = performance.now();
  const endsAt = startedAt + durationMs;

  async function work(worker: number): Promise<void> {
    for (let now = performance.now(); now < endsAt; ) {
      await call(worker);
      const end = performance.now();
      latencies.record(end - now);
      now = end;
    }
  }
  await Promise.all(Array.from({ length: inFlight }, (_, worker) => work(worker)));

  const rate = latencies.count / ((performance.now() - startedAt) / 1_000);
  return {
    operations: latencies.count,
    metrics: [...latencies.metrics(), { name: "rate", value: rate, unit: "calls/s" }],
    rate,
  };
}
