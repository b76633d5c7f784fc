import type { BenchCase, Load, Target } from "../bench-case.js";
import { Follower, type Frame } from "../follower.js";
import type { GrpcClient } from "../grpc-client.js";
import { Latencies } from "../latencies.js";
import { append, createSession } from "../sessions.js";
import { appendInLoop } from "./append.js";

const POLL_INTERVAL_MS = 100;

/** One append after the other, each until a follower on another connection has it too. */
export const follow: BenchCase = {
  name: "follow",
  baseline: "echo",
  operation: "call",
  targets: [
    {
      metric: "p50",
      relation: "≤",
      limit: (server, echo) => server("answer-p50") + echo("p50") / 2,
    },
  ],
  async prepare(stage) {
    const { server, echo } = stage;
    const sessionId = await createSession(server.client);
    const follower = stage.keep(await Follower.open(stage.connect(server), sessionId));
    return {
      server: appendToFollower(server.client, { sessionId, follower, pauseMs: 0 }),
      baseline: unaryEcho(echo.client),
    };
  },
};

/** The follower is on another server of the same database, and that one is told. */
export const followGroup: BenchCase = {
  ...followOnAnother({ args: [], pauseMs: 20, timesTheRound: 2.5 }),
  name: "follow-group",
  backends: ["postgres"],
  targets: [atMost(15)],
};

/** The follower is on another server of the same database, and that one has to look. */
export const followPoll: BenchCase = {
  ...followOnAnother({
    args: ["--no-database-notify"],
    pauseMs: POLL_INTERVAL_MS,
    timesTheRound: 6,
  }),
  name: "follow-poll",
  onlyInFull: true,
  backends: ["postgres", "mariadb"],
  targets: [atMost(POLL_INTERVAL_MS + 10)],
};

/** Appends to the echo, one call after the other: what a call costs at the least. */
export function unaryEcho(echo: GrpcClient): Load {
  return (durationMs) => appendInLoop(echo, { sessionIds: [""], inFlight: 1, durationMs });
}

interface OnAnother {
  /** What the other server is started with. */
  readonly args: readonly string[];
  readonly pauseMs: number;
  /** With its pauses, an append takes so long that a round has few of them. */
  readonly timesTheRound: number;
}

function followOnAnother({ args, pauseMs, timesTheRound }: OnAnother): Omit<BenchCase, "name"> {
  return {
    baseline: "echo",
    operation: "call",
    async prepare(stage) {
      const { server, echo } = stage;
      const sessionId = await createSession(server.client);
      const { client } = await stage.startAnother(args);
      const follower = stage.keep(await Follower.open(client, sessionId));
      const load = appendToFollower(server.client, { sessionId, follower, pauseMs });
      return {
        server: (durationMs) => load(durationMs * timesTheRound),
        baseline: unaryEcho(echo.client),
      };
    },
  };
}

function atMost(milliseconds: number): Target {
  return { metric: "p50", relation: "≤", limit: () => milliseconds };
}

interface Following {
  readonly sessionId: string;
  readonly follower: Follower;
  /**
   * How long to wait at most before the next append. Without a random pause, each append
   * would come right after a poll, and wait for the whole interval.
   */
  readonly pauseMs: number;
}

/** Gives the latencies until the answer came and until the follower had the message. */
function appendToFollower(writer: GrpcClient, { sessionId, follower, pauseMs }: Following): Load {
  return async (durationMs) => {
    const answers = new Latencies();
    const deliveries = new Latencies();
    const endsAt = performance.now() + durationMs;
    while (performance.now() < endsAt) {
      if (pauseMs > 0) await pause(Math.random() * pauseMs);
      const arrival = follower.until(isMessage);
      const startedAt = performance.now();
      const answered = append(writer, sessionId).then(() => performance.now());
      const [arrivedAt, answeredAt] = await Promise.all([arrival, answered]);
      deliveries.record(arrivedAt - startedAt);
      answers.record(answeredAt - startedAt);
    }
    return {
      operations: deliveries.count,
      metrics: [...deliveries.metrics(), ...answers.metrics("answer")],
    };
  };
}

function isMessage(frame: Frame): boolean {
  return frame.case === "messages";
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
