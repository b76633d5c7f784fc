import { create } from "@bufbuild/protobuf";
import {
  MessageService,
  type StreamMessagesRequest,
  StreamMessagesRequestSchema,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { BenchCase, Sample } from "../bench-case.js";
import { closedLoop } from "../closed-loop.js";
import type { GrpcClient } from "../grpc-client.js";
import { HISTORY_LENGTH } from "../payload.js";
import { historyOf } from "../sessions.js";

const LAST = 50;

/** A whole history of 100,000 messages, from its beginning. */
export const streamHistory: BenchCase = {
  name: "stream-100k",
  baseline: "echo-stream",
  operation: "message",
  // What is kept of a history is sent alike.
  backendsByDefault: ["sqlite"],
  targets: [{ metric: "rate", relation: "≥", limit: (_, echo) => 0.9 * echo("rate") }],
  async prepare({ server, echo }) {
    const sessionId = await historyOf(server.client);
    const request = create(StreamMessagesRequestSchema, { sessionId });
    const load = (client: GrpcClient) => (durationMs: number) =>
      streamAgain(client, request, durationMs);
    return { server: load(server.client), baseline: load(echo.client) };
  },
};

/** The newest 50 of 100,000 messages, one call after the other: how an agent resumes. */
export const readLast: BenchCase = {
  name: "last-50",
  baseline: "echo-stream",
  operation: "call",
  backendsByDefault: ["sqlite"],
  async prepare({ server, echo }) {
    const request = create(StreamMessagesRequestSchema, {
      sessionId: await historyOf(server.client),
      start: { case: "lastMessages", value: LAST },
    });
    const load = (client: GrpcClient) => (durationMs: number) =>
      closedLoop(() => read(client, request, LAST), { inFlight: 1, durationMs });
    return { server: load(server.client), baseline: load(echo.client) };
  },
};

/** Streams the history as often as it takes to fill the time, at least once. */
async function streamAgain(
  client: GrpcClient,
  request: StreamMessagesRequest,
  durationMs: number,
): Promise<Sample> {
  const startedAt = performance.now();
  let operations = 0;
  let elapsedMs = 0;
  while (elapsedMs < durationMs) {
    await read(client, request, HISTORY_LENGTH);
    operations += HISTORY_LENGTH;
    elapsedMs = performance.now() - startedAt;
  }
  const rate = operations / (elapsedMs / 1_000);
  return { operations, metrics: [{ name: "rate", value: rate, unit: "messages/s" }] };
}

async function read(
  client: GrpcClient,
  request: StreamMessagesRequest,
  expected: number,
): Promise<void> {
  let count = 0;
  const stream = client.stream(MessageService.method.streamMessages, request, ({ frame }) => {
    if (frame.case === "messages") count += frame.value.messages.length;
  });
  await stream.ended;
  if (count !== expected) throw new Error(`a stream gave ${count} messages, not ${expected}`);
}
