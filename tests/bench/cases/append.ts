import { create } from "@bufbuild/protobuf";
import {
  AppendMessagesRequestSchema,
  MessageService,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { BenchCase } from "../bench-case.js";
import { closedLoop } from "../closed-loop.js";
import type { GrpcClient } from "../grpc-client.js";
import { newMessage } from "../payload.js";
import { createSession } from "../sessions.js";

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
    async prepare(server) {
      const ids = await Promise.all(Array.from({ length: sessions }, () => createSession(server)));
      return (client, durationMs) => {
        const call = (worker: number) => append(client, ids[worker % sessions] ?? "");
        return closedLoop(call, { inFlight, durationMs });
      };
    },
  };
}

async function append(client: GrpcClient, sessionId: string): Promise<void> {
  const request = create(AppendMessagesRequestSchema, { sessionId, messages: [newMessage()] });
  const { messages } = await client.unary(MessageService.method.appendMessages, request);
  if (messages.length !== 1) throw new Error(`an append was answered with ${messages.length}`);
}
