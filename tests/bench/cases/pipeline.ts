import type { BenchCase, Load, Sample, Target } from "../bench-case.js";
import type { MeasuredServer } from "../measured-server.js";
import { Pipeline } from "../pipeline.js";
import { createSessions } from "../sessions.js";
import { appendInLoop } from "./append.js";

const WINDOW = 256;

/** One stream with 256 appends under way to 64 sessions, beside calls of one append each. */
export const pipeline: BenchCase = {
  ...pipelineCase(64),
  name: "pipeline",
  backendsByDefault: ["sqlite", "postgres"],
  targets: [atLeast("over-1", 6), atLeast("over-64", 2)],
};

/** The same, with all appends to one session. */
export const pipelineHot: BenchCase = {
  ...pipelineCase(1),
  name: "pipeline-hot",
  onlyInFull: true,
};

function pipelineCase(sessions: number): Omit<BenchCase, "name"> {
  return {
    baseline: "echo-pipe",
    operation: "append",
    async prepare({ server, echo }) {
      const sessionIds = await createSessions(server.client, sessions);
      return { server: pipeOver(server, sessionIds), baseline: pipeOver(echo, sessionIds) };
    },
  };
}

function atLeast(metric: string, limit: number): Target {
  return { metric, relation: "≥", limit: () => limit };
}

/** Compares a pipe with calls of the same client, one or 64 of them under way at a time. */
function pipeOver(server: MeasuredServer, sessionIds: readonly string[]): Load {
  const { client } = server;
  return async (durationMs) => {
    const one = await appendInLoop(client, { sessionIds, inFlight: 1, durationMs });
    const before = await server.usage();
    const pipe = await appendInPipe(server, sessionIds, durationMs);
    const { cpuMicros } = await server.usage();
    const many = await appendInLoop(client, { sessionIds, inFlight: 64, durationMs });
    const cpu = (cpuMicros - before.cpuMicros) / pipe.operations;
    return {
      operations: pipe.operations,
      metrics: [
        ...pipe.metrics,
        { name: "over-1", value: pipe.rate / one.rate, unit: "×" },
        { name: "over-64", value: pipe.rate / many.rate, unit: "×" },
        { name: "cpu", value: cpu, unit: "µs/append" },
      ],
    };
  };
}

/** Sends the next append as soon as one is answered. */
async function appendInPipe(
  { client }: MeasuredServer,
  sessionIds: readonly string[],
  durationMs: number,
): Promise<Sample & { readonly rate: number }> {
  const startedAt = performance.now();
  const endsAt = startedAt + durationMs;
  let operations = 0;
  let left = WINDOW;
  const pipe = new Pipeline(client, {
    sessionIds,
    onStored() {
      operations += 1;
      if (performance.now() < endsAt) pipe.send();
      else left -= 1;
      if (left === 0) void pipe.end();
    },
  });
  for (let index = 0; index < WINDOW; index += 1) pipe.send();
  await pipe.ended;
  const rate = operations / ((performance.now() - startedAt) / 1_000);
  return { operations, metrics: [{ name: "rate", value: rate, unit: "appends/s" }], rate };
}
