import type { BenchCase, Load, Metric, Target } from "./bench-case.js";
import type { MeasuredServer } from "./measured-server.js";
import type { Stage } from "./stage.js";

/** How long a side is warmed up at most, where many operations are asked for. */
const MAX_WARM_UP_MS = 4_000;

/** How long and how often a case is measured. */
export interface Effort {
  readonly rounds: number;
  readonly roundMs: number;
  readonly warmUpMs: number;
}

/** One metric of a case, with a value a round on either side. */
export interface Series {
  readonly metric: string;
  readonly unit: string;
  readonly values: readonly number[];
  readonly baselineValues: readonly number[];
  readonly target?: TargetSeries;
}

/** What must hold of a metric in each round. */
export interface TargetSeries {
  readonly relation: Target["relation"];
  readonly limits: readonly number[];
}

type Side = "server" | "baseline";
type Round = Readonly<Record<Side, readonly Metric[]>>;

/**
 * Measures a case on the server and on its baseline in turn.
 *
 * Which of them comes first changes with every round, so that what drifts with time,
 * such as the machine's speed, falls on both alike.
 */
export async function measureCase(
  benchCase: BenchCase,
  stage: Stage,
  effort: Effort,
): Promise<readonly Series[]> {
  const loads = await benchCase.prepare(stage);
  const { rounds, roundMs, warmUpMs } = effort;
  if (!benchCase.isMeasuredOnce && !benchCase.isNotWarmedUp) {
    const { warmUpOperations = 1, isBaselineWarm } = benchCase;
    await warmUp(loads.server, warmUpMs, warmUpOperations);
    await warmUp(loads.baseline, warmUpMs, isBaselineWarm ? 1 : warmUpOperations);
  }
  const meters = loads.meters ?? { server: stage.server, baseline: stage.echo };
  const unit = `µs/${benchCase.operation}`;
  const measured: Round[] = [];
  for (let index = 0; index < (benchCase.isMeasuredOnce ? 1 : rounds); index += 1) {
    const sides: readonly Side[] =
      index % 2 === 0 ? ["baseline", "server"] : ["server", "baseline"];
    const round: Record<Side, readonly Metric[]> = { server: [], baseline: [] };
    for (const side of sides) {
      round[side] = await sample(loads[side], { durationMs: roundMs, unit, meter: meters[side] });
    }
    measured.push(round);
  }
  const targets = benchCase.targets?.filter(
    ({ backends }) => backends?.includes(stage.backend) ?? true,
  );
  return toSeries(measured, targets ?? []);
}

/** Puts load on a side until it has done so many operations, unless that takes too long. */
async function warmUp(load: Load, sliceMs: number, operations: number): Promise<void> {
  const endsAt = performance.now() + MAX_WARM_UP_MS;
  for (let done = 0; done < operations && performance.now() < endsAt; ) {
    done += (await load(sliceMs)).operations;
  }
}

interface Sampling {
  readonly durationMs: number;
  /** The unit of the server's CPU time for each operation. */
  readonly unit: string;
  /** Whose CPU time it is. */
  readonly meter: MeasuredServer;
}

async function sample(
  load: Load,
  { durationMs, unit, meter }: Sampling,
): Promise<readonly Metric[]> {
  const before = await meter.usage();
  const { metrics, operations } = await load(durationMs);
  const cpuMicros = (await meter.usage()).cpuMicros - before.cpuMicros;
  if (metrics.some(({ name }) => name === "cpu")) return metrics;
  return [...metrics, { name: "cpu", value: cpuMicros / operations, unit }];
}

/** Turns rounds of metrics into metrics of rounds. */
function toSeries(rounds: readonly Round[], targets: readonly Target[]): readonly Series[] {
  const [first] = rounds;
  if (first === undefined) return [];
  return first.server.map(({ name, unit, against }) => {
    const target = targets.find(({ metric }) => metric === name);
    return {
      metric: name,
      unit,
      values: rounds.map(({ server }) => valueIn(server, name)),
      baselineValues: rounds.map(({ baseline }) => valueIn(baseline, against ?? name)),
      ...(target && { target: toTargetSeries(target, rounds) }),
    };
  });
}

function toTargetSeries(target: Target, rounds: readonly Round[]): TargetSeries {
  const limits = rounds.map(({ server, baseline }) =>
    target.limit(
      (name) => valueIn(server, name),
      (name) => valueIn(baseline, name),
    ),
  );
  return { relation: target.relation, limits };
}

function valueIn(metrics: readonly Metric[], name: string): number {
  return metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
}
