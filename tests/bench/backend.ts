import type { DatabaseKind } from "../support/database-kinds.js";
import type { ServerUrls } from "../support/database-servers.js";
import { createEmptyDatabase } from "../support/empty-database.js";
import type { BenchCase } from "./bench-case.js";
import { type Figure, toFigure } from "./figure.js";
import { MeasuredServer } from "./measured-server.js";
import { type Effort, measureCase, type Pair } from "./rounds.js";

// From `tests/bench/dist/bench`, where this runs.
const MAIN = new URL("../../../../server/dist/main.js", import.meta.url);
const ECHO = new URL("echo-server.js", import.meta.url);

/** What is measured on a backend. */
export interface BackendRun {
  readonly backend: DatabaseKind;
  readonly servers: ServerUrls;
  readonly cases: readonly BenchCase[];
  readonly effort: Effort;
}

/** Measures cases on an empty database of a backend, and gives the figures as they come. */
export async function* measureBackend(run: BackendRun): AsyncGenerator<Figure, void> {
  const opened: (() => Promise<void>)[] = [];
  try {
    const database = await createEmptyDatabase(run.backend, run.servers);
    opened.push(database.drop);
    // Both are new for each backend: an echo that ran for longer would have an advantage.
    const args = ["serve", "--listen", "127.0.0.1:0", "--database", database.url];
    const server = await MeasuredServer.start(MAIN, args);
    opened.push(() => server.close());
    const echo = await MeasuredServer.start(ECHO);
    opened.push(() => echo.close());
    yield* measureCases(run, { server, echo });
  } finally {
    for (const close of opened.reverse()) await close();
  }
}

async function* measureCases(
  { backend, cases, effort }: BackendRun,
  pair: Pair,
): AsyncGenerator<Figure, void> {
  for (const benchCase of cases) {
    const series = await measureCase(benchCase, pair, effort);
    for (const metric of series) yield toFigure(benchCase, backend, metric);
  }
}
