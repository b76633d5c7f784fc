import type { BenchCase, Sample } from "../bench-case.js";
import type { GrpcClient } from "../grpc-client.js";
import { append, createLong } from "../sessions.js";

const WRITERS = 20;
const APPENDS_A_WRITER = 50;
const LENGTH = 1_000;

/** 20 writers that append to one session of 1,000 messages, 50 times each. */
export const writers: BenchCase = {
  name: "writers",
  baseline: "echo",
  operation: "call",
  warmUpOperations: 2_000,
  targets: [{ metric: "time", relation: "≤", limit: (_, echo) => 1.3 * echo("time") }],
  async prepare({ server, echo }) {
    const echoed = await createLong(server.client, 0);
    return {
      async server() {
        const sessionId = await createLong(server.client, LENGTH);
        const { sample, sequences } = await write(server.client, sessionId);
        const expected = Array.from({ length: sequences.length }, (_, n) => LENGTH + 1 + n);
        if (sequences.some((sequence, index) => sequence !== expected[index])) {
          throw new Error("the sequences of concurrent appends have gaps");
        }
        return sample;
      },
      baseline: async () => (await write(echo.client, echoed)).sample,
    };
  },
};

interface Written {
  readonly sample: Sample;
  /** Of the messages, in their order. */
  readonly sequences: readonly number[];
}

async function write(client: GrpcClient, sessionId: string): Promise<Written> {
  const sequences: number[] = [];
  const startedAt = performance.now();
  const writer = async () => {
    for (let count = 0; count < APPENDS_A_WRITER; count++) {
      const { messages } = await append(client, sessionId);
      sequences.push(...messages.map(({ sequence }) => Number(sequence)));
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, writer));
  const value = performance.now() - startedAt;
  const metrics = [{ name: "time", value, unit: "ms" }];
  const sample = { operations: WRITERS * APPENDS_A_WRITER, metrics };
  return { sample, sequences: sequences.sort((a, b) => a - b) };
}
