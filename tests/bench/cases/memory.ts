import type { BenchCase, Load } from "../bench-case.js";
import type { MeasuredServer } from "../measured-server.js";
import { MemoryMeter } from "../memory-meter.js";
import { append, appendMessages, createSessions } from "../sessions.js";
import { SlowReaders } from "../slow-readers.js";
import type { Stage } from "../stage.js";
import { workOff } from "../work-off.js";

const MIB = 1_024 * 1_024;
const TARGET_MIB = 300;

const SESSIONS = 100;
const READERS = 100;
const MESSAGES_A_BATCH = 100;
const BATCHES = { count: 9_000, atOnce: 8 };
const SINGLE = { count: 100_000, atOnce: 64 };
const MESSAGES = BATCHES.count * MESSAGES_A_BATCH + SINGLE.count;

const STANDING_MS = 5_000;

/**
 * What a server takes of the machine's memory after 1,000,000 messages, with 100 slow readers.
 *
 * A million calls of one message would take an hour on some databases. So nine tenths come by
 * 9,000 calls of 100 messages, and the rest by 100,000 calls of one, into 100 sessions of
 * 10,000 messages. Each reader has got the first frame of another session when it stands
 * still, and all sessions together are five times what a server keeps in memory of histories.
 */
export const memory: BenchCase = {
  name: "memory",
  baseline: "echo",
  operation: "message",
  onlyInFull: true,
  isMeasuredOnce: true,
  // In memory, the messages themselves are what grows.
  backends: ["sqlite", "postgres", "mariadb"],
  targets: [{ metric: "resident", relation: "≤", limit: () => TARGET_MIB }],
  async prepare(stage) {
    // One that has worked before would have grown by that.
    const server = await stage.startAlone();
    const echo = await stage.startEcho();
    const sessionIds = await createSessions(server.client, SESSIONS);
    return {
      server: fillAndRead(stage, server, sessionIds),
      baseline: fillAndRead(stage, echo, sessionIds),
      meters: { server, baseline: echo },
    };
  },
};

function fillAndRead(stage: Stage, server: MeasuredServer, sessionIds: readonly string[]): Load {
  return async () => {
    const meter = new MemoryMeter(server);
    await fill(server, sessionIds);
    const filled = await server.usage();
    const options = { sessionIds, readers: READERS };
    const readers = stage.keep(await SlowReaders.open(server.address, options));
    await new Promise((resolve) => setTimeout(resolve, STANDING_MS));
    readers.check();
    const standing = await server.usage();
    const seen = await meter.stop();
    const { heapBytes } = await server.usageWithoutGarbage();
    const peak = Math.max(...seen.map(({ residentBytes }) => residentBytes));
    return {
      operations: MESSAGES,
      metrics: [
        { name: "resident", value: standing.residentBytes / MIB, unit: "MiB" },
        { name: "filled", value: filled.residentBytes / MIB, unit: "MiB" },
        { name: "peak", value: peak / MIB, unit: "MiB" },
        { name: "heap", value: heapBytes / MIB, unit: "MiB" },
      ],
    };
  };
}

async function fill({ client }: MeasuredServer, sessionIds: readonly string[]): Promise<void> {
  const sessionOf = (index: number) => sessionIds[index % sessionIds.length] ?? "";
  await workOff(BATCHES, (index) => appendMessages(client, sessionOf(index), MESSAGES_A_BATCH));
  await workOff(SINGLE, (index) => append(client, sessionOf(index)));
}
