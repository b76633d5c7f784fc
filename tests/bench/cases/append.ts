import type { BenchCase, Load, Metric, Target } from "../bench-case.js";
import { closedLoop } from "../closed-loop.js";
import type { Driver } from "../driver.js";
import type { GrpcClient } from "../grpc-client.js";
import { appendMessages, createSession, createSessions } from "../sessions.js";
import type { Stage } from "../stage.js";

/** What an append may take beside a call and a transaction, in milliseconds. */
const OVERHEAD_MS = 0.3;

// Rates vary more than medians do.
const CROWDED_TIMES_THE_ROUND = 2;

const CPU: Target = {
  metric: "cpu",
  relation: "≤",
  limit: (_, echo) => 1.5 * echo("cpu"),
};

/** One message a call, one call after the other: the latency of an append. */
export const appendOne: BenchCase = {
  name: "append-1",
  baseline: "echo",
  operation: "call",
  warmUpOperations: 1_000,
  // The targets are for these.
  backendsByDefault: ["sqlite", "postgres"],
  targets: [
    {
      metric: "p50",
      relation: "≤",
      backends: ["sqlite", "postgres"],
      limit: (_, echo) => echo("p50") + echo("driver-p50") + OVERHEAD_MS,
    },
  ],
  async prepare(stage) {
    const loop = { ...ONE, sessionIds: [await createSession(stage.server.client)] };
    const driver = await stage.openDriver();
    const driven = await createSession(stage.server.client);
    return {
      server: appendTo(stage.server.client, loop),
      baseline: beside(appendTo(stage.echo.client, loop), driver, driven, stage),
    };
  },
};

/** 64 calls under way, each to a session of its own: the throughput of a server. */
export const appendMany: BenchCase = {
  ...appendCase({ name: "append-64", inFlight: 64, sessions: 64, messages: 1 }),
  warmUpOperations: 6_000,
  targets: [share(0.85, ["sqlite", "postgres"]), share(0.7, ["mariadb"]), CPU],
};

/** 64 calls under way, all to one session: the throughput of a session. */
export const appendHot: BenchCase = {
  ...appendCase({ name: "append-64-hot", inFlight: 64, sessions: 1, messages: 1 }),
  onlyInFull: true,
};

/** 100 messages a call, 8 calls under way: how fast histories are brought in. */
export const appendBatches: BenchCase = {
  ...appendCase({ name: "append-100", inFlight: 8, sessions: 8, messages: 100 }),
  warmUpOperations: 200,
  targets: [share(0.8, ["sqlite"]), share(0.6, ["postgres", "mariadb"])],
};

const ONE = { inFlight: 1, messages: 1 };

interface AppendLoad {
  readonly name: string;
  readonly inFlight: number;
  readonly sessions: number;
  /** How many a call brings. */
  readonly messages: number;
}

function appendCase({ name, sessions, ...load }: AppendLoad): BenchCase {
  return {
    name,
    baseline: "echo",
    operation: "call",
    async prepare({ server, echo }) {
      const loop = { ...load, sessionIds: await createSessions(server.client, sessions) };
      return { server: appendTo(server.client, loop), baseline: appendTo(echo.client, loop) };
    },
  };
}

/** At least a part of the echo's calls in the same time. */
function share(part: number, backends: Target["backends"]): Target {
  return {
    metric: "rate",
    relation: "≥",
    limit: (_, echo) => part * echo("rate"),
    ...(backends && { backends }),
  };
}

/** Which appends are made in a closed loop. */
export interface AppendLoop {
  /** The workers take them in turn. */
  readonly sessionIds: readonly string[];
  readonly inFlight: number;
  /** How many messages a call brings: one by default. */
  readonly messages?: number;
  readonly durationMs: number;
}

/** Appends in a closed loop. */
export function appendInLoop(
  client: GrpcClient,
  { sessionIds, messages = 1, ...loop }: AppendLoop,
): ReturnType<typeof closedLoop> {
  return closedLoop(async (worker) => {
    await appendMessages(client, sessionIds[worker % sessionIds.length] ?? "", messages);
  }, loop);
}

function appendTo(client: GrpcClient, loop: Omit<AppendLoop, "durationMs">): Load {
  const times = loop.inFlight > 1 ? CROWDED_TIMES_THE_ROUND : 1;
  return (durationMs) => appendInLoop(client, { ...loop, durationMs: durationMs * times });
}

/** Measures the driver's transactions after a load, as `driver-p50`. In memory, there is none. */
function beside(load: Load, driver: Driver, sessionId: string, { backend }: Stage): Load {
  let sequence = 0;
  return async (durationMs) => {
    const sample = await load(durationMs);
    if (backend === "memory") return sample;
    const { metrics } = await closedLoop(() => driver.append(sessionId, ++sequence), {
      inFlight: 1,
      durationMs,
    });
    const p50 = metrics.find(({ name }) => name === "p50");
    const driven: readonly Metric[] = p50 ? [{ ...p50, name: "driver-p50" }] : [];
    return { ...sample, metrics: [...sample.metrics, ...driven] };
  };
}
