import type { BenchCase, Load, Metric } from "./bench-case.js";
import type { MeasuredServer } from "./measured-server.js";

/** A server and what it is compared with. */
export interface Pair {
  readonly server: MeasuredServer;
  readonly echo: MeasuredServer;
}

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
}

type Round = Readonly<Record<keyof Pair, readonly Metric[]>>;

/**
 * Measures a case on the server and on the echo in turn.
 *
 * Which of them comes first changes with every round, so that what drifts with time,
 * such as the machine's speed, falls on both alike.
 */
export async function measureCase(
  benchCase: BenchCase,
  pair: Pair,
  effort: Effort,
): Promise<readonly Series[]> {
  const load = await benchCase.prepare(pair.server.client);
  await load(pair.server.client, effort.warmUpMs);
  await load(pair.echo.client, effort.warmUpMs);
  const unit = `µs/${benchCase.operation}`;
  const rounds: Round[] = [];
  for (let index = 0; index < effort.rounds; index += 1) {
    const sides = index % 2 === 0 ? (["server", "echo"] as const) : (["echo", "server"] as const);
    const round: Record<keyof Pair, readonly Metric[]> = { server: [], echo: [] };
    for (const side of sides) {
      round[side] = await sample(pair[side], { load, durationMs: effort.roundMs, unit });
    }
    rounds.push(round);
  }
  return toSeries(rounds);
}

interface Sampling {
  readonly load: Load;
  readonly durationMs: number;
  /** The unit of the server's CPU time for each operation. */
  readonly unit: string;
}

async function sample(
  server: MeasuredServer,
  { load, durationMs, unit }: Sampling,
): Promise<readonly Metric[]> {
  const measured = await server.measure((client) => load(client, durationMs));
  const { metrics, operations, cpuMicros } = measured;
  return [...metrics, { name: "cpu", value: cpuMicros / operations, unit }];
}

/** Turns rounds of metrics into metrics of rounds. */
function toSeries(rounds: readonly Round[]): readonly Series[] {
  const [first] = rounds;
  if (first === undefined) return [];
  return first.server.map(({ name, unit }) => ({
    metric: name,
    unit,
    values: rounds.map(({ server }) => valueIn(server, name)),
    baselineValues: rounds.map(({ echo }) => valueIn(echo, name)),
  }));
}

function valueIn(metrics: readonly Metric[], name: string): number {
  return metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
}
