import type { ClientHttp2Session } from "node:http2";
import { create } from "@bufbuild/protobuf";
import { StreamMessagesRequestSchema } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { openBareStream, openConnection } from "../bare-stream.js";
import type { BenchCase, Sample } from "../bench-case.js";
import { Follower } from "../follower.js";
import { Latencies } from "../latencies.js";
import type { MeasuredServer } from "../measured-server.js";
import { MemoryMeter } from "../memory-meter.js";
import { Pipeline } from "../pipeline.js";
import { createSession } from "../sessions.js";
import type { Stage } from "../stage.js";

const APPENDS_A_SECOND = 1_000;
const TICK_MS = 5;
const MIB = 1_024 * 1_024;
const TARGET_MIB = 32;
// A follower stalls for a minute with `--full`.
const TIMES_THE_ROUND = 30;

/** A follower that stops reading under 1,000 appends a second, and another that reads on. */
export const stalledFollower: BenchCase = {
  name: "stalled-follower",
  baseline: "not-stalled",
  operation: "append",
  onlyInFull: true,
  isMeasuredOnce: true,
  // In memory, the messages themselves are what grows.
  backends: ["sqlite", "postgres", "mariadb"],
  targets: [
    { metric: "growth", relation: "≤", limit: (_, other) => other("growth") + TARGET_MIB },
    { metric: "held", relation: "≤", limit: () => TARGET_MIB },
  ],
  async prepare(stage) {
    return {
      async server(durationMs) {
        const watched = await watchNew(stage, durationMs);
        const stalled = await stall(stage, watched);
        const sample = await appendAndWatch(stage, watched);
        const bytesRead = stalled.socket.bytesRead;
        if (bytesRead > MIB) throw new Error(`a stalled follower has read ${bytesRead} bytes`);
        return sample;
      },
      baseline: async (durationMs) => appendAndWatch(stage, await watchNew(stage, durationMs)),
    };
  },
};

/** Starts a server for one side: one that has worked before would have room to hide growth in. */
async function watchNew(stage: Stage, durationMs: number): Promise<Watched> {
  const server = await stage.startAlone();
  const sessionId = await createSession(server.client);
  return { server, sessionId, durationMs: durationMs * TIMES_THE_ROUND };
}

/** Follows a session, and reads nothing of it. */
async function stall(stage: Stage, { server, sessionId }: Watched): Promise<ClientHttp2Session> {
  const connection = await openConnection(server.address);
  stage.keep({ close: () => connection.destroy() });
  const request = create(StreamMessagesRequestSchema, {
    sessionId,
    start: { case: "lastMessages", value: 0 },
    follow: true,
  });
  const stream = openBareStream(connection, request);
  await new Promise((resolve) => stream.once("response", resolve));
  return connection;
}

/** A session of a server under load. */
interface Watched {
  readonly server: MeasuredServer;
  readonly sessionId: string;
  readonly durationMs: number;
}

/** Gives the latencies of a follower that reads, and how much the server grew. */
async function appendAndWatch(
  stage: Stage,
  { server, sessionId, durationMs }: Watched,
): Promise<Sample> {
  const latencies = new Latencies();
  const sentAt: number[] = [];
  const follower = await Follower.open(stage.connect(server), sessionId, (frame, arrivedAt) => {
    if (frame.case !== "messages") return;
    for (const _ of frame.value.messages) {
      latencies.record(arrivedAt - (sentAt[latencies.count] ?? arrivedAt));
    }
  });
  const before = await server.usageWithoutGarbage();
  const meter = new MemoryMeter(server);
  const rate = await appendAtPace(server, { sessionId, durationMs, sentAt });
  const resident = (await meter.stop()).map(({ residentBytes }) => residentBytes);
  const growth = Math.max(...resident) - before.residentBytes;
  const { cpuMicros } = await server.usage();
  const { heapBytes } = await server.usageWithoutGarbage();
  follower.close();
  return {
    operations: sentAt.length,
    metrics: [
      { name: "growth", value: growth / MIB, unit: "MiB" },
      { name: "held", value: (heapBytes - before.heapBytes) / MIB, unit: "MiB" },
      ...latencies.metrics(),
      { name: "rate", value: rate, unit: "appends/s" },
      { name: "cpu", value: (cpuMicros - before.cpuMicros) / sentAt.length, unit: "µs/append" },
    ],
  };
}

interface Pace {
  readonly sessionId: string;
  readonly durationMs: number;
  /** Takes the time of each append. */
  readonly sentAt: number[];
}

/** Appends at an even pace, and gives how many were stored in a second. */
async function appendAtPace(
  { client }: MeasuredServer,
  { sessionId, durationMs, sentAt }: Pace,
): Promise<number> {
  const pipe = new Pipeline(client, { sessionIds: [sessionId] });
  const startedAt = performance.now();
  let elapsedMs = 0;
  while (elapsedMs < durationMs) {
    const due = (elapsedMs / 1_000) * APPENDS_A_SECOND;
    while (sentAt.length < due) {
      sentAt.push(performance.now());
      pipe.send();
    }
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    elapsedMs = performance.now() - startedAt;
  }
  await pipe.end();
  return sentAt.length / ((performance.now() - startedAt) / 1_000);
}
