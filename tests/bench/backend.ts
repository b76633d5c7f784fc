import type { DatabaseKind } from "../support/database-kinds.js";
import type { ServerUrls } from "../support/database-servers.js";
import type { BenchCase } from "./bench-case.js";
import { type Figure, toFigure } from "./figure.js";
import { type Effort, measureCase } from "./rounds.js";
import { Stage } from "./stage.js";

/** What is measured on a backend. */
export interface BackendRun {
  readonly backend: DatabaseKind;
  readonly servers: ServerUrls;
  readonly cases: readonly BenchCase[];
  readonly effort: Effort;
}

/** Measures cases on an empty database of a backend, and gives the figures as they come. */
export async function* measureBackend(run: BackendRun): AsyncGenerator<Figure, void> {
  const { backend, servers, effort } = run;
  const stage = await Stage.open(backend, servers);
  try {
    for (const benchCase of run.cases) {
      if (benchCase.backends?.includes(backend) === false) continue;
      const series = await stage.scope(() => measureCase(benchCase, stage, effort));
      for (const metric of series) yield toFigure(benchCase, backend, metric);
    }
  } finally {
    await stage.close();
  }
}
