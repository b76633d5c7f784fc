import { create } from "@bufbuild/protobuf";
import { connect } from "@mofa-state/client";
import {
  MessageService,
  StreamMessagesRequestSchema,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import type { BenchCase, Sample } from "../bench-case.js";
import { HISTORY_LENGTH } from "../payload.js";
import { historyOf } from "../sessions.js";

/** 100,000 messages as plain objects of the client package, beside those of protobuf-es. */
export const plainObjects: BenchCase = {
  name: "plain-objects",
  baseline: "protobuf-es",
  operation: "message",
  isNotWarmedUp: true,
  // What is compared is the client's.
  backendsByDefault: ["sqlite"],
  targets: [{ metric: "rate", relation: "≥", limit: (_, other) => 2 * other("rate") }],
  async prepare(stage) {
    const { client, address } = stage.server;
    const sessionId = await historyOf(client);
    const state = await connect(address);
    stage.keep(state);
    const session = await state.sessions.get(sessionId);
    const request = create(StreamMessagesRequestSchema, { sessionId });
    return {
      server: () =>
        measure(async (count) => {
          for await (const _ of session.messages()) count();
        }),
      baseline: () =>
        measure(async (count) => {
          const { streamMessages } = MessageService.method;
          await client.stream(streamMessages, request, ({ frame }) => {
            if (frame.case === "messages") for (const _ of frame.value.messages) count();
          }).ended;
        }),
    };
  },
};

/** Reads the history once, and gives the rate and the CPU time of this process. */
async function measure(read: (count: () => void) => Promise<void>): Promise<Sample> {
  let operations = 0;
  const startedAt = performance.now();
  const cpuBefore = process.cpuUsage();
  await read(() => {
    operations += 1;
  });
  const elapsedMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpuBefore);
  if (operations !== HISTORY_LENGTH) throw new Error(`a stream gave ${operations} messages`);
  const metrics = [
    { name: "rate", value: operations / (elapsedMs / 1_000), unit: "messages/s" },
    // The reader's, since that is what differs.
    { name: "cpu", value: (user + system) / operations, unit: "µs/message" },
  ];
  return { operations, metrics };
}
