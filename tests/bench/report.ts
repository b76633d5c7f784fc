import type { Figure, Spread, Verdict } from "./figure.js";

const HEADINGS = ["case", "unit", "value", "baseline", "", "ratio", "target"] as const;
const WIDTHS = [24, 12, 24, 24, 13, 20, 0] as const;

const NUMBER = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 });

/** Writes a figure as one line of JSON, with null where there is no target. */
export function toJsonLine({ value, baseline, ratio, verdict, ...rest }: Figure): string {
  return JSON.stringify({
    name: `${rest.caseName}.${rest.metric}`,
    backend: rest.backend,
    metric: rest.metric,
    value: value.median,
    unit: rest.unit,
    baseline: baseline.median,
    ratio: ratio.median,
    baselineName: rest.baselineName,
    valueRange: [value.min, value.max],
    baselineRange: [baseline.min, baseline.max],
    ratioRange: [ratio.min, ratio.max],
    target: verdict?.limit.median ?? null,
    targetRelation: verdict?.relation ?? null,
    ok: verdict?.isMet ?? null,
  });
}

/** Writes the heading of a backend's table. */
export function toTableHeading(backend: string): string {
  return `\n${backend}\n${toLine(HEADINGS)}`;
}

/** Writes a figure as one line of the table. */
export function toTableLine({ value, baseline, ratio, verdict, ...rest }: Figure): string {
  return toLine([
    `${rest.caseName}.${rest.metric}`,
    rest.unit,
    toText(value),
    toText(baseline),
    rest.baselineName,
    toText(ratio),
    toTargetText(verdict),
  ]);
}

function toText({ median, min, max }: Spread): string {
  return `${NUMBER.format(median)} (${NUMBER.format(min)}–${NUMBER.format(max)})`;
}

function toTargetText(verdict: Verdict | undefined): string {
  if (verdict === undefined) return "none";
  const { relation, limit, isMet } = verdict;
  return `${relation} ${NUMBER.format(limit.median)} ${isMet ? "ok" : "MISSED"}`;
}

function toLine(cells: readonly string[]): string {
  return cells
    .map((cell, index) => cell.padEnd(WIDTHS[index] ?? 0))
    .join(" ")
    .trimEnd();
}
