import type { BenchCase, Load } from "../bench-case.js";
import type { GrpcClient } from "../grpc-client.js";
import type { MeasuredServer } from "../measured-server.js";
import { createSessions } from "../sessions.js";
import type { Stage } from "../stage.js";
import { appendInLoop } from "./append.js";

const CONNECTIONS = 4;
const IN_FLIGHT = 64;
// Rates vary more than medians do, and those of two workers most.
const TIMES_THE_ROUND = 2;

/** Appends by four connections to a server of two workers, beside a server of one. */
export const workers: BenchCase = {
  name: "workers",
  baseline: "one-process",
  operation: "call",
  backends: ["postgres", "mariadb"],
  warmUpOperations: 6_000,
  // The targets are for it alone.
  backendsByDefault: ["postgres"],
  targets: [
    { metric: "rate", relation: "≥", backends: ["postgres"], limit: (_, one) => one("rate") },
    { metric: "cpu", relation: "≤", backends: ["postgres"], limit: (_, one) => 1.15 * one("cpu") },
  ],
  async prepare(stage) {
    const sessionIds = await createSessions(stage.server.client, IN_FLIGHT);
    const server = await stage.startAnother(["--workers", "2"]);
    const baseline = await stage.startAnother();
    return {
      server: appendBy(stage, server, sessionIds),
      baseline: appendBy(stage, baseline, sessionIds),
      meters: { server, baseline },
    };
  },
};

function appendBy(stage: Stage, server: MeasuredServer, sessionIds: readonly string[]): Load {
  const clients = Array.from({ length: CONNECTIONS }, () => stage.connect(server));
  return async (durationMs) => {
    const inFlight = IN_FLIGHT / CONNECTIONS;
    const loop = (client: GrpcClient, index: number) => {
      const own = sessionIds.slice(index * inFlight, (index + 1) * inFlight);
      const loopMs = durationMs * TIMES_THE_ROUND;
      return appendInLoop(client, { sessionIds: own, inFlight, durationMs: loopMs });
    };
    const samples = await Promise.all(clients.map(loop));
    const operations = samples.reduce((sum, sample) => sum + sample.operations, 0);
    const rate = samples.reduce((sum, sample) => sum + sample.rate, 0);
    return { operations, metrics: [{ name: "rate", value: rate, unit: "calls/s" }] };
  };
}
