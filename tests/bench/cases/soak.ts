import type { BenchCase, Load } from "../bench-case.js";
import type { MeasuredServer } from "../measured-server.js";
import { MemoryMeter } from "../memory-meter.js";
import { MixedLoad } from "../mixed-load.js";
import type { Usage } from "../report-usage.js";
import { SlowReaders } from "../slow-readers.js";

const MIB = 1_024 * 1_024;
const GROWTH = 1.1;
const READERS = 100;

// A third of the soak: 200 s with `--full`, whose rounds are 2 s long.
const TIMES_THE_ROUND = 100;

/**
 * What a server takes of the machine's memory in 10 minutes of mixed load, beside 100 slow readers.
 *
 * Flat is what takes in the last third of the time at most 1.1 times what it took in the
 * second, in the middle of what is seen. In the first third, caches and the heap may fill.
 * The rounds measure the baseline first, so that it is the earlier one here.
 */
export const soak: BenchCase = {
  name: "soak",
  baseline: "earlier",
  operation: "call",
  onlyInFull: true,
  isMeasuredOnce: true,
  // In memory, the messages themselves are what grows.
  backends: ["sqlite", "postgres", "mariadb"],
  targets: [
    { metric: "resident", relation: "≤", limit: (_, earlier) => GROWTH * earlier("resident") },
  ],
  async prepare(stage) {
    const server = await stage.startAlone();
    const load = stage.keep(await MixedLoad.open(server.client));
    const options = { sessionIds: load.histories, readers: READERS };
    const readers = stage.keep(await SlowReaders.open(server.address, options));
    const third = measureLoad(server, load, readers);
    return {
      async baseline(durationMs) {
        await load.run(durationMs * TIMES_THE_ROUND);
        return third(durationMs);
      },
      server: third,
      meters: { server, baseline: server },
    };
  },
};

/** Puts load on a server for a third of the time, and gives what it took in the middle. */
function measureLoad(server: MeasuredServer, load: MixedLoad, readers: SlowReaders): Load {
  return async (durationMs) => {
    const meter = new MemoryMeter(server);
    const before = await server.usage();
    const { calls, latencies } = await load.run(durationMs * TIMES_THE_ROUND);
    const cpuMicros = (await server.usage()).cpuMicros - before.cpuMicros;
    const seen = await meter.stop();
    readers.check();
    return {
      operations: calls,
      metrics: [
        { name: "resident", value: middleOf(seen, "residentBytes") / MIB, unit: "MiB" },
        { name: "heap", value: middleOf(seen, "heapBytes") / MIB, unit: "MiB" },
        ...latencies.metrics(),
        { name: "rate", value: (calls / durationMs / TIMES_THE_ROUND) * 1_000, unit: "calls/s" },
        // Of this third alone.
        { name: "cpu", value: cpuMicros / calls, unit: "µs/call" },
      ],
    };
  };
}

function middleOf(seen: readonly Usage[], what: "residentBytes" | "heapBytes"): number {
  const values = seen.map((usage) => usage[what]).sort((a, b) => a - b);
  return values[Math.floor(values.length / 2)] ?? Number.NaN;
}
