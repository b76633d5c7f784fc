import type { Figure, Spread } from "./figure.js";

const HEADINGS = ["case", "unit", "value", "baseline", "", "ratio"] as const;
const WIDTHS = [20, 12, 26, 26, 13, 0] as const;

const NUMBER = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 });

/** Writes a figure as one line of JSON. */
export function toJsonLine({ value, baseline, ratio, ...rest }: Figure): string {
  return JSON.stringify({
    name: rest.name,
    backend: rest.backend,
    value: value.median,
    unit: rest.unit,
    baseline: baseline.median,
    ratio: ratio.median,
    baselineName: rest.baselineName,
    valueRange: [value.min, value.max],
    baselineRange: [baseline.min, baseline.max],
    ratioRange: [ratio.min, ratio.max],
  });
}

/** Writes the heading of a backend's table. */
export function toTableHeading(backend: string): string {
  return `\n${backend}\n${toLine(HEADINGS)}`;
}

/** Writes a figure as one line of the table. */
export function toTableLine({ name, unit, value, baseline, baselineName, ratio }: Figure): string {
  return toLine([name, unit, toText(value), toText(baseline), baselineName, toText(ratio)]);
}

function toText({ median, min, max }: Spread): string {
  return `${NUMBER.format(median)} (${NUMBER.format(min)}–${NUMBER.format(max)})`;
}

function toLine(cells: readonly string[]): string {
  return cells
    .map((cell, index) => cell.padEnd(WIDTHS[index] ?? 0))
    .join(" ")
    .trimEnd();
}
