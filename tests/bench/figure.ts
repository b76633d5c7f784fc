import type { DatabaseKind } from "../support/database-kinds.js";
import type { BenchCase } from "./bench-case.js";
import type { Series } from "./rounds.js";

/** The median over the rounds, and what the rounds lay between. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** What is reported of one metric of a case on one backend. */
export interface Figure {
  /** The case and the metric: `append-1.p50`. */
  readonly name: string;
  readonly backend: DatabaseKind;
  readonly unit: string;
  readonly baselineName: BenchCase["baseline"];
  readonly value: Spread;
  readonly baseline: Spread;
  /** Of the value to the baseline, taken in each round by itself. */
  readonly ratio: Spread;
}

/** Sums up the rounds of a metric. */
export function toFigure(
  { name, baseline }: BenchCase,
  backend: DatabaseKind,
  { metric, unit, values, baselineValues }: Series,
): Figure {
  const ratios = values.map((value, round) => value / (baselineValues[round] ?? Number.NaN));
  return {
    name: `${name}.${metric}`,
    backend,
    unit,
    baselineName: baseline,
    value: toSpread(values),
    baseline: toSpread(baselineValues),
    ratio: toSpread(ratios),
  };
}

function toSpread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number) => sorted[index] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    min: at(0),
    max: at(sorted.length - 1),
  };
}
