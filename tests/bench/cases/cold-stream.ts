import type { ClientHttp2Session } from "node:http2";
import { create } from "@bufbuild/protobuf";
import { StreamMessagesRequestSchema } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { FrameCutter, openBareStream, openConnection } from "../bare-stream.js";
import type { BenchCase, Sample, Target } from "../bench-case.js";
import type { Driver } from "../driver.js";
import { WINDOW_BYTES } from "../grpc-client.js";
import { HISTORY_LENGTH } from "../payload.js";
import { historyOf } from "../sessions.js";

/** How many rows the driver reads at once, as the server does. */
const PAGE = 512;

/** 100,000 messages from a server that keeps no histories; the client decodes no frame. */
export const coldStream: BenchCase = {
  name: "stream-100k-cold",
  baseline: "driver",
  operation: "message",
  warmUpOperations: 10 * HISTORY_LENGTH,
  backends: ["sqlite", "postgres", "mariadb"],
  targets: [share(0.75, ["sqlite", "postgres"]), share(0.6, ["mariadb"])],
  async prepare(stage) {
    const sessionId = await historyOf(stage.server.client);
    const server = await stage.startAnother(["--history-cache-bytes", "0"]);
    const connection = await openConnection(server.address, WINDOW_BYTES);
    stage.keep({ close: () => connection.destroy() });
    const driver = await stage.openDriver();
    return {
      server: (durationMs) => repeat(() => stream(connection, sessionId), durationMs),
      baseline: (durationMs) => repeat(() => readAll(driver, sessionId), durationMs),
    };
  },
};

function share(part: number, backends: NonNullable<Target["backends"]>): Target {
  return {
    metric: "rate",
    relation: "≥",
    backends,
    limit: (_, driver) => part * driver("rate"),
  };
}

/** Reads the history as often as it takes to fill the time, at least once. */
async function repeat(read: () => Promise<void>, durationMs: number): Promise<Sample> {
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  let operations = 0;
  let elapsedMs = 0;
  while (elapsedMs < durationMs) {
    await read();
    operations += HISTORY_LENGTH;
    elapsedMs = performance.now() - startedAt;
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  const metrics = [
    { name: "rate", value: operations / (elapsedMs / 1_000), unit: "messages/s" },
    // The load generator's own: the driver has no other process.
    { name: "cpu", value: (user + system) / operations, unit: "µs/message" },
  ];
  return { operations, metrics };
}

async function stream(connection: ClientHttp2Session, sessionId: string): Promise<void> {
  const call = openBareStream(connection, create(StreamMessagesRequestSchema, { sessionId }));
  const cutter = new FrameCutter();
  let frames = 0;
  for await (const chunk of call) {
    for (const _ of cutter.cut(chunk)) frames += 1;
  }
  if (frames < 2) throw new Error(`a history came in ${frames} frames`);
}

async function readAll(driver: Driver, sessionId: string): Promise<void> {
  for (let read = 0; read < HISTORY_LENGTH; read += PAGE) {
    await driver.read(sessionId, read, PAGE);
  }
}
