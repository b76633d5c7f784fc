import { create } from "@bufbuild/protobuf";
import { Health, HealthCheckRequestSchema } from "@mofa-state/proto/grpc/health/v1/health_pb.js";
import {
  MessageService,
  type StreamMessagesRequest,
  StreamMessagesRequestSchema,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { BenchCase, Load, Sample, Target } from "../bench-case.js";
import { closedLoop } from "../closed-loop.js";
import { GrpcClient } from "../grpc-client.js";
import { Latencies } from "../latencies.js";
import { createSession, historyOf } from "../sessions.js";
import { appendInLoop } from "./append.js";

// Its figures vary the most.
const TIMES_THE_ROUND = 2;

/**
 * How many streams are cancelled on one connection: nghttp2, by default, lets a client reset
 * 1,000 and then 33 a second (CVE-2023-44487), and closes the connection at more.
 */
const STREAMS_A_CONNECTION = 500;

/** How many rows the server reads for the first frames: the session's, or the messages of two frames. */
const HOT_ROWS = 1;
const COLD_ROWS = 9;

const HOT: readonly Target[] = [
  {
    metric: "p50",
    relation: "≤",
    backends: ["sqlite"],
    limit: (_, echo) => 1.2 * echo("p50"),
  },
  {
    metric: "p50",
    relation: "≤",
    backends: ["postgres", "mariadb"],
    limit: (_, echo) => echo("p50") + echo("driver-p50") + 0.1,
  },
];

const COLD: Target = {
  metric: "p50",
  relation: "≤",
  backends: ["sqlite", "postgres", "mariadb"],
  limit: (_, echo) => echo("p50") + echo("driver-p50") + 0.3,
};

/** From the call to the first frame of a history of 100,000 messages that was read before. */
export const firstFrame: BenchCase = firstFrameCase({
  name: "first-frame",
  targets: HOT,
  args: [],
  rows: HOT_ROWS,
});

/** The same on a server that keeps no histories. */
export const firstFrameCold: BenchCase = firstFrameCase({
  name: "first-frame-cold",
  targets: [COLD],
  args: ["--history-cache-bytes", "0"],
  rows: COLD_ROWS,
});

interface FirstFrame {
  readonly name: string;
  readonly targets: readonly Target[];
  /** What the server is started with, if it is one of its own. */
  readonly args: readonly string[];
  /** How many rows the driver reads. */
  readonly rows: number;
}

function firstFrameCase({ name, targets, args, rows }: FirstFrame): BenchCase {
  return {
    name,
    baseline: "echo",
    operation: "call",
    warmUpOperations: 2_000,
    isBaselineWarm: true,
    targets,
    // What is in memory is with its server, and cannot be read by another or by a driver.
    ...(args.length > 0 && { backends: ["sqlite", "postgres", "mariadb"] }),
    async prepare(stage) {
      const { server, echo, backend } = stage;
      const sessionId = await historyOf(server.client);
      const reader = args.length === 0 ? server : await stage.startAnother(args);
      const request = create(StreamMessagesRequestSchema, { sessionId });
      const driver = await stage.openDriver();
      const echoed = [await createSession(server.client)];
      const baseline: Load = async (roundMs) => {
        const durationMs = roundMs * TIMES_THE_ROUND;
        const calls = await appendInLoop(echo.client, {
          sessionIds: echoed,
          inFlight: 1,
          durationMs,
        });
        if (backend === "memory") return calls;
        const read = async () => void (await driver.read(sessionId, 0, rows));
        const { metrics } = await closedLoop(read, { inFlight: 1, durationMs });
        const driven = metrics.map((metric) => ({ ...metric, name: `driver-${metric.name}` }));
        return { ...calls, metrics: [...calls.metrics, ...driven] };
      };
      return {
        server: (durationMs) =>
          readFirstAgain(reader.address, request, durationMs * TIMES_THE_ROUND),
        baseline,
        meters: { server: reader, baseline: echo },
      };
    },
  };
}

/**
 * Opens streams until the time is over, each when the one before has ended on both sides, and measures
 * until their first frames.
 */
async function readFirstAgain(
  address: string,
  request: StreamMessagesRequest,
  durationMs: number,
): Promise<Sample> {
  const latencies = new Latencies();
  const endsAt = performance.now() + durationMs;
  while (performance.now() < endsAt) {
    const client = new GrpcClient(address);
    // The first one waits for the connection.
    await untilFirstFrame(client, request);
    for (let read = 1; read < STREAMS_A_CONNECTION && performance.now() < endsAt; read++) {
      latencies.record(await untilFirstFrame(client, request));
    }
    client.close();
  }
  return { operations: latencies.count, metrics: latencies.metrics() };
}

/** Gives the milliseconds from the call of a stream to its first frame, once the stream is cancelled. */
async function untilFirstFrame(
  client: GrpcClient,
  request: StreamMessagesRequest,
): Promise<number> {
  const begunAt = performance.now();
  let takenMs: number | undefined;
  const call = client.stream(MessageService.method.streamMessages, request, () => {
    takenMs ??= performance.now() - begunAt;
    call.cancel();
  });
  await call.ended;
  // What the server still did for the stream is not a part of what the next one takes: it has heard
  // of the end when it answers what was sent after it.
  await client.unary(Health.method.check, create(HealthCheckRequestSchema));
  if (takenMs === undefined) throw new Error("a history ended without a frame");
  return takenMs;
}
