import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

// Loaded into a server by `--import`: tells what it uses to the process that started it.

/** What a process has used of the CPU since it began, and what it holds of the memory now. */
export interface Usage {
  readonly cpuMicros: number;
  /** What it takes of the machine's memory. */
  readonly residentBytes: number;
  /** What its objects and buffers take; with garbage, unless that was collected before. */
  readonly heapBytes: number;
}

process.on("message", (question) => {
  if (question === "usage after collecting garbage") collectGarbage();
  process.send?.(usage());
});

// A benchmark that was stopped leaves no server behind.
process.on("disconnect", () => process.exit());

function usage(): Usage {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { cpuMicros: user + system, residentBytes: rss, heapBytes: heapUsed + external };
}

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
}
