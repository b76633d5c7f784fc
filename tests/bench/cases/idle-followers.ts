import type { BenchCase, Load } from "../bench-case.js";
import { Crowd } from "../crowd.js";
import type { MeasuredServer } from "../measured-server.js";
import { createSessions } from "../sessions.js";
import type { Stage } from "../stage.js";

const FOLLOWERS = 10_000;
const SESSIONS = 100;
const CONNECTIONS = 20;
const SETTLING_MS = 2_000;
const KIB = 1_024;
const TARGET_KIB = 40;

/** What 10,000 followers of 100 sessions take of the server's memory while nothing happens. */
export const idleFollowers: BenchCase = {
  name: "idle-followers",
  baseline: "echo-idle",
  operation: "follower",
  onlyInFull: true,
  isMeasuredOnce: true,
  // Following is the same on all of them, and opening so many takes a while.
  backends: ["sqlite"],
  targets: [{ metric: "resident", relation: "≤", limit: () => TARGET_KIB }],
  async prepare(stage) {
    const server = await stage.startAlone();
    const sessionIds = await createSessions(server.client, SESSIONS);
    return {
      server: openIdle(stage, server, sessionIds),
      baseline: openIdle(stage, await stage.startEcho(), sessionIds),
    };
  },
};

function openIdle(stage: Stage, server: MeasuredServer, sessionIds: readonly string[]): Load {
  return async () => {
    await warmUp(server, sessionIds);
    const before = await server.usageWithoutGarbage();
    stage.keep(await openCrowd(server, sessionIds, FOLLOWERS));
    const opened = await server.usage();
    await new Promise((resolve) => setTimeout(resolve, SETTLING_MS));
    const after = await server.usageWithoutGarbage();
    const perFollower = (bytes: number) => bytes / FOLLOWERS / KIB;
    return {
      operations: FOLLOWERS,
      metrics: [
        {
          name: "resident",
          value: perFollower(after.residentBytes - before.residentBytes),
          unit: "KiB",
        },
        {
          name: "opening",
          value: perFollower(opened.residentBytes - before.residentBytes),
          unit: "KiB",
        },
        { name: "heap", value: perFollower(after.heapBytes - before.heapBytes), unit: "KiB" },
        {
          name: "cpu",
          value: (opened.cpuMicros - before.cpuMicros) / FOLLOWERS,
          unit: "µs/follower",
        },
      ],
    };
  };
}

/** Lets the server compile and load what following takes, which is no follower's memory. */
async function warmUp(server: MeasuredServer, sessionIds: readonly string[]): Promise<void> {
  const crowd = await openCrowd(server, sessionIds, SESSIONS);
  crowd.close();
}

function openCrowd(
  server: MeasuredServer,
  sessionIds: readonly string[],
  followers: number,
): Promise<Crowd> {
  return Crowd.open(server.address, { sessionIds, followers, connections: CONNECTIONS });
}
