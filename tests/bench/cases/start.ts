import type { BenchCase, Sample } from "../bench-case.js";
import type { MeasuredServer } from "../measured-server.js";

const TARGET_MS = 500;

/** A start on a file that is there, until it listens. */
export const start: BenchCase = {
  name: "start",
  baseline: "echo",
  operation: "start",
  isNotWarmedUp: true,
  backends: ["sqlite"],
  targets: [{ metric: "time", relation: "≤", limit: () => TARGET_MS }],
  async prepare(stage) {
    return {
      server: () => startOnce(() => stage.startAnother()),
      baseline: () => startOnce(() => stage.startEcho()),
    };
  },
};

async function startOnce(run: () => Promise<MeasuredServer>): Promise<Sample> {
  const startedAt = performance.now();
  const server = await run();
  const value = performance.now() - startedAt;
  const { cpuMicros } = await server.usage();
  await server.close();
  const metrics = [
    { name: "time", value, unit: "ms" },
    { name: "cpu", value: cpuMicros, unit: "µs/start" },
  ];
  return { operations: 1, metrics };
}
