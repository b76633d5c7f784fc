import cluster from "node:cluster";
import { readFileSync } from "node:fs";
import { collectGarbage } from "../support/collect-garbage.js";

// Loaded into a server by `--import`: tells what it uses to the process that started it.

/** How long a tick of the CPU's clock is that Linux counts in, in microseconds. */
const TICK_MICROS = 10_000;

/** What a process has used of the CPU since it began, and what it holds of the memory now. */
export interface Usage {
  /** With its workers'. */
  readonly cpuMicros: number;
  /** What it takes of the machine's memory. */
  readonly residentBytes: number;
  /** What its objects and buffers take; with garbage, unless that was collected before. */
  readonly heapBytes: number;
}

// Workers are spoken to by their primary process alone.
if (cluster.isPrimary) {
  process.on("message", (question) => {
    if (question === "usage after collecting garbage") collectGarbage();
    process.send?.(usage());
  });

  // A benchmark that was stopped leaves no server behind.
  process.on("disconnect", () => process.exit());
}

function usage(): Usage {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, external } = process.memoryUsage();
  const cpuMicros = user + system + workersCpuMicros();
  return { cpuMicros, residentBytes: rss, heapBytes: heapUsed + external };
}

/** What the workers have used of the CPU, as Linux tells it. */
function workersCpuMicros(): number {
  let ticks = 0;
  for (const worker of Object.values(cluster.workers ?? {})) {
    // After the command's name, which may hold anything.
    const [, stat = ""] = readFileSync(`/proc/${worker?.process.pid}/stat`, "utf8").split(") ");
    const [user, system] = stat.split(" ").slice(11, 13).map(Number);
    ticks += (user ?? 0) + (system ?? 0);
  }
  return ticks * TICK_MICROS;
}
