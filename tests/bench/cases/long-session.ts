import { create } from "@bufbuild/protobuf";
import {
  MessageService,
  StreamMessagesRequestSchema,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { BenchCase, Load } from "../bench-case.js";
import { closedLoop } from "../closed-loop.js";
import type { GrpcClient } from "../grpc-client.js";
import { createLong } from "../sessions.js";
import { appendInLoop } from "./append.js";

const LONG = 1_000_000;
const SHORT = 100;
const LAST = 50;
const GROWTH = 1.2;

const longSessions = new WeakMap<GrpcClient, Promise<string>>();

/** The newest 50 of 1,000,000 messages, beside the newest 50 of 100. */
export const lastOfLong: BenchCase = {
  name: "last-50-of-million",
  baseline: "of-100",
  operation: "call",
  onlyInFull: true,
  targets: [{ metric: "p50", relation: "≤", limit: (_, short) => GROWTH * short("p50") }],
  async prepare({ server }) {
    const { client } = server;
    const load = (sessionId: string): Load => {
      const start = { case: "lastMessages", value: LAST } as const;
      const request = create(StreamMessagesRequestSchema, { sessionId, start });
      const read = () =>
        client.stream(MessageService.method.streamMessages, request, () => {}).ended;
      return (durationMs) => closedLoop(read, { inFlight: 1, durationMs });
    };
    return {
      server: load(await longSessionOf(client)),
      baseline: load(await createLong(client, SHORT)),
      meters: { server, baseline: server },
    };
  },
};

/** Appends to a session of 1,000,000 messages, beside those to an empty one. */
export const appendToLong: BenchCase = {
  name: "append-to-million",
  baseline: "to-empty",
  operation: "call",
  onlyInFull: true,
  targets: [{ metric: "p50", relation: "≤", limit: (_, empty) => GROWTH * empty("p50") }],
  async prepare({ server }) {
    const { client } = server;
    const load =
      (sessionId: string): Load =>
      (durationMs) =>
        appendInLoop(client, { sessionIds: [sessionId], inFlight: 1, durationMs });
    return {
      server: load(await longSessionOf(client)),
      baseline: load(await createLong(client, 0)),
      meters: { server, baseline: server },
    };
  },
};

function longSessionOf(client: GrpcClient): Promise<string> {
  const known = longSessions.get(client) ?? createLong(client, LONG);
  longSessions.set(client, known);
  return known;
}
