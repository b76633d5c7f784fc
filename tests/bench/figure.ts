import type { DatabaseKind } from "../support/database-kinds.js";
import type { BenchCase, Target } from "./bench-case.js";
import type { Series, TargetSeries } from "./rounds.js";

/** The median over the rounds, and what the rounds lay between. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** Whether what must hold of a metric does. */
export interface Verdict {
  readonly relation: Target["relation"];
  readonly limit: Spread;
  /** Whether it holds in the middle of the rounds, each compared with its own limit. */
  readonly isMet: boolean;
}

/** What is reported of one metric of a case on one backend. */
export interface Figure {
  /** The case. */
  readonly caseName: string;
  readonly metric: string;
  readonly backend: DatabaseKind;
  readonly unit: string;
  readonly baselineName: string;
  readonly value: Spread;
  readonly baseline: Spread;
  /** Of the value to the baseline, taken in each round by itself. */
  readonly ratio: Spread;
  readonly verdict?: Verdict;
}

/** Sums up the rounds of a metric. */
export function toFigure(
  { name, baseline }: BenchCase,
  backend: DatabaseKind,
  { metric, unit, values, baselineValues, target }: Series,
): Figure {
  return {
    caseName: name,
    metric,
    backend,
    unit,
    baselineName: baseline,
    value: toSpread(values),
    baseline: toSpread(baselineValues),
    ratio: toSpread(divide(values, baselineValues)),
    ...(target && { verdict: toVerdict(values, target) }),
  };
}

function toVerdict(values: readonly number[], { relation, limits }: TargetSeries): Verdict {
  const { median } = toSpread(divide(values, limits));
  const isMet = relation === "≤" ? median <= 1 : median >= 1;
  return { relation, limit: toSpread(limits), isMet };
}

function divide(values: readonly number[], divisors: readonly number[]): readonly number[] {
  return values.map((value, round) => value / (divisors[round] ?? Number.NaN));
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
