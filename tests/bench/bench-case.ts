import type { DatabaseKind } from "../support/database-kinds.js";
import type { MeasuredServer } from "./measured-server.js";
import type { Stage } from "./stage.js";

/** One figure of a measurement. */
export interface Metric {
  /** What was measured, such as `p50`. */
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Which metric of the baseline it is compared with: the one of its own name by default. */
  readonly against?: string;
}

/** What one measurement of a case gave. */
export interface Sample {
  /** How many operations were done, by which the server's CPU time is divided. */
  readonly operations: number;
  readonly metrics: readonly Metric[];
}

/** Puts load on a server, or on its baseline, for about `durationMs`. */
export type Load = (durationMs: number) => Promise<Sample>;

/** What is measured in a round, one right after the other. */
export interface Loads {
  readonly server: Load;
  readonly baseline: Load;
  /** Whose CPU time is measured, where that is not the stage's server and echo. */
  readonly meters?: { readonly server: MeasuredServer; readonly baseline: MeasuredServer };
}

/** Looks up a metric of one side of a round. */
export type MetricLookup = (name: string) => number;

/** What must hold of a metric. */
export interface Target {
  readonly metric: string;
  readonly relation: "≤" | "≥";
  /** Where it must hold: on all backends by default. */
  readonly backends?: readonly DatabaseKind[];
  /** Gives what the value is compared with, in the unit of the metric, in one round. */
  limit(server: MetricLookup, baseline: MetricLookup): number;
}

/** One thing that is measured beside a baseline. */
export interface BenchCase {
  /** What `--case` chooses it by. */
  readonly name: string;
  /** What the baseline is called in the table. */
  readonly baseline: string;
  /** What is done, in the singular: the unit that the server's CPU time is given by. */
  readonly operation: string;
  /** Whether it is left out unless `--full` or its name asks for it. */
  readonly onlyInFull?: boolean;
  /** Whether it is measured once, without warming up, since it takes long and varies little. */
  readonly isMeasuredOnce?: boolean;
  /**
   * How many operations there are before it is measured, unless they take more than four
   * seconds: so many it takes until V8 has compiled what they run. By default, it is warmed up
   * for a moment only.
   */
  readonly warmUpOperations?: number;
  /** Whether its baseline does what those of earlier cases have done for long. */
  readonly isBaselineWarm?: boolean;
  /** Whether it is not warmed up, since a round is long enough whatever its time. */
  readonly isNotWarmedUp?: boolean;
  /** The backends that it is measured on: all by default. */
  readonly backends?: readonly DatabaseKind[];
  /**
   * Those that it is measured on unless `--full` or its name asks for all of them, where the
   * backend makes little difference.
   */
  readonly backendsByDefault?: readonly DatabaseKind[];
  readonly targets?: readonly Target[];
  /** Puts into the server what the loads need. */
  prepare(stage: Stage): Promise<Loads>;
}
