import { build } from "hdr-histogram-js";
import type { Metric } from "./bench-case.js";

const MICROSECONDS_A_MINUTE = 60_000_000;

/** Latencies, and what lies in their middle and at their end. */
export class Latencies {
  readonly #histogram = build({ highestTrackableValue: MICROSECONDS_A_MINUTE });

  /** How many there are. */
  get count(): number {
    return this.#histogram.totalCount;
  }

  /** Adds one. */
  record(milliseconds: number): void {
    this.#histogram.recordValue(Math.round(milliseconds * 1_000));
  }

  /**
   * Gives them as the metrics `p50` and `p99`. With a name they are `NAME-p50` and
   * `NAME-p99`, and are compared with the `p50` and `p99` of the baseline.
   */
  metrics(name?: string): readonly Metric[] {
    return [50, 99].map((percent) => {
      const metric = `p${percent}`;
      const value = this.#histogram.getValueAtPercentile(percent) / 1_000;
      if (name === undefined) return { name: metric, value, unit: "ms" };
      return { name: `${name}-${metric}`, value, unit: "ms", against: metric };
    });
  }
}
