import type { BenchCase } from "../bench-case.js";
import { closedLoop } from "../closed-loop.js";
import type { GrpcClient } from "../grpc-client.js";
import { append, createSessions } from "../sessions.js";

/** One message a call, one call after the other: the latency of an append. */
export const appendOne = appendCase({ name: "append-1", inFlight: 1, sessions: 1 });

/** 64 calls under way, each to a session of its own: the throughput of a server. */
export const appendMany = appendCase({ name: "append-64", inFlight: 64, sessions: 64 });

/** 64 calls under way, all to one session: the throughput of a session. */
export const appendHot: BenchCase = {
  ...appendCase({ name: "append-64-hot", inFlight: 64, sessions: 1 }),
  onlyInFull: true,
};

interface AppendLoad {
  readonly name: string;
  readonly inFlight: number;
  readonly sessions: number;
}

function appendCase({ name, inFlight, sessions }: AppendLoad): BenchCase {
  return {
    name,
    baseline: "echo",
    operation: "call",
    async prepare({ server, echo }) {
      const sessionIds = await createSessions(server.client, sessions);
      const load = (client: GrpcClient) => (durationMs: number) =>
        appendInLoop(client, { sessionIds, inFlight, durationMs });
      return { server: load(server.client), baseline: load(echo.client) };
    },
  };
}

/** Which appends are made in a closed loop. */
export interface AppendLoop {
  /** The workers take them in turn. */
  readonly sessionIds: readonly string[];
  readonly inFlight: number;
  readonly durationMs: number;
}

/** Appends a message a call in a closed loop. */
export function appendInLoop(
  client: GrpcClient,
  { sessionIds, ...loop }: AppendLoop,
): ReturnType<typeof closedLoop> {
  return closedLoop(async (worker) => {
    await append(client, sessionIds[worker % sessionIds.length] ?? "");
  }, loop);
}
