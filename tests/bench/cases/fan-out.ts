import type { BenchCase, Load, Sample } from "../bench-case.js";
import { Crowd } from "../crowd.js";
import type { GrpcClient } from "../grpc-client.js";
import { Latencies } from "../latencies.js";
import type { MeasuredServer } from "../measured-server.js";
import { append, createSession } from "../sessions.js";
import type { Stage } from "../stage.js";

const FOLLOWERS = 1_000;
const CONNECTIONS = 10;
const APPENDS_A_SECOND = 20;
// Since a round of 200 ms would be 4 appends.
const TIMES_THE_ROUND = 4;
const PATIENCE_MS = 10_000;

/** 20 appends a second to a session with 1,000 followers. */
export const fanOut: BenchCase = {
  name: "fan-out",
  baseline: "echo-fan-out",
  operation: "delivery",
  // An append costs little beside 1,000 deliveries.
  backendsByDefault: ["sqlite"],
  targets: [{ metric: "last-p99", relation: "≤", limit: () => 100 }],
  async prepare(stage) {
    const sessionId = await createSession(stage.server.client);
    return {
      server: await fanOutOf(stage, stage.server, sessionId),
      baseline: await fanOutOf(stage, stage.echo, sessionId),
    };
  },
};

async function fanOutOf(stage: Stage, server: MeasuredServer, sessionId: string): Promise<Load> {
  const deliveries = new Deliveries();
  const crowd = await Crowd.open(server.address, {
    sessionIds: [sessionId],
    followers: FOLLOWERS,
    connections: CONNECTIONS,
    onMessage: (sequence, arrivedAt) => deliveries.arrive(sequence, arrivedAt),
  });
  stage.keep(crowd);
  return async (durationMs) => {
    const sample = deliveries.begin();
    const { user, system } = process.cpuUsage();
    await appendAtPace(server.client, sessionId, {
      durationMs: durationMs * TIMES_THE_ROUND,
      onAppend: () => deliveries.expect(),
    });
    await deliveries.allArrived();
    const used = process.cpuUsage({ user, system });
    const clientMicros = (used.user + used.system) / sample.each.count;
    return toSample(sample, clientMicros);
  };
}

function toSample({ each, last }: FanOutSample, clientMicros: number): Sample {
  return {
    operations: each.count,
    metrics: [
      ...each.metrics(),
      ...last.metrics("last").map(({ against: _, ...metric }) => metric),
      { name: "client-cpu", value: clientMicros, unit: "µs/delivery" },
    ],
  };
}

interface Pace {
  readonly durationMs: number;
  /** Called right before each append. */
  readonly onAppend: () => void;
}

/** Appends at an even pace, whether or not the last append was answered. */
async function appendAtPace(
  client: GrpcClient,
  sessionId: string,
  { durationMs, onAppend }: Pace,
): Promise<void> {
  const startedAt = performance.now();
  const answers: Promise<unknown>[] = [];
  const count = Math.round((durationMs / 1_000) * APPENDS_A_SECOND);
  for (let index = 0; index < count; index += 1) {
    const dueAt = startedAt + (index / APPENDS_A_SECOND) * 1_000;
    const waitMs = dueAt - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    onAppend();
    answers.push(append(client, sessionId));
  }
  await Promise.all(answers);
}

interface FanOutSample {
  /** Until a follower had the message. */
  readonly each: Latencies;
  /** Until all of them had it. */
  readonly last: Latencies;
}

/** Matches what followers get with what was appended, which is in the same order. */
class Deliveries {
  readonly #pending = new Map<number, { readonly startedAt: number; left: number }>();
  #appended = 0;
  #sample: FanOutSample = { each: new Latencies(), last: new Latencies() };
  #onAllArrived: () => void = () => {};

  /** Begins a sample. */
  begin(): FanOutSample {
    this.#sample = { each: new Latencies(), last: new Latencies() };
    return this.#sample;
  }

  /** Notes that a message is appended now. */
  expect(): void {
    this.#appended += 1;
    this.#pending.set(this.#appended, { startedAt: performance.now(), left: FOLLOWERS });
  }

  /** Notes that a follower has a message. */
  arrive(sequence: number, arrivedAt: number): void {
    const pending = this.#pending.get(sequence);
    if (pending === undefined) throw new Error(`message ${sequence} came, which nobody expects`);
    pending.left -= 1;
    this.#sample.each.record(arrivedAt - pending.startedAt);
    if (pending.left > 0) return;
    this.#sample.last.record(arrivedAt - pending.startedAt);
    this.#pending.delete(sequence);
    if (this.#pending.size === 0) this.#onAllArrived();
  }

  /**
   * Waits until all followers have all messages.
   *
   * @throws Error if that does not come.
   */
  allArrived(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#pending.size === 0) resolve();
      const timer = setTimeout(() => reject(new Error("followers wait in vain")), PATIENCE_MS);
      this.#onAllArrived = () => {
        clearTimeout(timer);
        this.#onAllArrived = () => {};
        resolve();
      };
    });
  }
}
