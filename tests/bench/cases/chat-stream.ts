import { randomUUID } from "node:crypto";
import { connect, type State } from "@mofa-state/client";
import {
  type LLMAgent,
  LLMAgentBuilder,
  OpenAIModel,
  PersistencePlugin,
} from "@mofa-state/client/agent";
import type { BenchCase, Load, Metric } from "../bench-case.js";
import { Latencies } from "../latencies.js";
import { ModelServer } from "../model-server.js";

const NOBODY = "00000000-0000-0000-0000-000000000000";
const WINDOW_TURNS = 10;
const MORE_MS = 2;
// With its pauses, a turn takes so long that a round has few of them.
const TIMES_THE_ROUND = 4;

/** How a question is asked, and what its metrics are called. */
interface Asking {
  readonly name: string;
  /** How long the model thinks. */
  readonly delayMs: number;
  /** How long the user does, once the answer before is whole. */
  readonly pauseMs: number;
}

/** What a fast model takes. It hides what is stored while it thinks. */
const FAST: Asking = { name: "20ms", delayMs: 20, pauseMs: 50 };

const ASKINGS: readonly Asking[] = [
  FAST,
  // A model that does not think at all hides nothing.
  { name: "instant", delayMs: 0, pauseMs: 50 },
  { name: "no-pause", delayMs: 20, pauseMs: 0 },
];

/** An agent's first token with persistence, and without. */
export const chatStream: BenchCase = {
  name: "chat-stream",
  baseline: "no-plugin",
  operation: "turn",
  // The model takes most of the time.
  backendsByDefault: ["sqlite"],
  targets: [
    {
      metric: `${FAST.name}-p50`,
      relation: "≤",
      limit: (_, without) => without(`${FAST.name}-p50`) + MORE_MS,
    },
  ],
  async prepare(stage) {
    const model = stage.keep(await ModelServer.start());
    const store = stage.keep(await connect(stage.server.address));
    return {
      server: chatInLoop(model, () => agentOf(model).withPersistencePlugin(pluginOf(store))),
      baseline: chatInLoop(model, () => agentOf(model)),
    };
  },
};

function agentOf({ url }: ModelServer): LLMAgentBuilder {
  return new LLMAgentBuilder()
    .withModel(new OpenAIModel({ apiKey: "none", baseUrl: url, model: "bench" }))
    .withSlidingWindow(WINDOW_TURNS);
}

function pluginOf(store: State): PersistencePlugin {
  const [userId, agentId, sessionId] = [randomUUID(), randomUUID(), randomUUID()];
  return new PersistencePlugin("persistence", store, userId, NOBODY, agentId, sessionId);
}

/** Asks a new agent again and again, and gives the times until the first token. */
function chatInLoop(model: ModelServer, begin: () => LLMAgentBuilder): Load {
  return async (durationMs) => {
    const agent = await begin().build();
    const waits = ASKINGS.map((asking) => ({ ...asking, latencies: new Latencies() }));
    const endsAt = performance.now() + durationMs * TIMES_THE_ROUND;
    while (performance.now() < endsAt) {
      for (const { delayMs, pauseMs, latencies } of waits) {
        if (pauseMs > 0) await pause(pauseMs);
        model.delayMs = delayMs;
        latencies.record(await firstTokenOf(agent));
      }
    }
    return {
      operations: waits.reduce((turns, { latencies }) => turns + latencies.count, 0),
      metrics: waits.flatMap(({ latencies, name }) => toMetrics(latencies, name)),
    };
  };
}

/** Asks, and gives how long the first token took. The turn has ended when it returns. */
async function firstTokenOf(agent: LLMAgent): Promise<number> {
  const startedAt = performance.now();
  let firstAt: number | undefined;
  for await (const _ of agent.chatStream("What is a session?")) firstAt ??= performance.now();
  if (firstAt === undefined) throw new Error("the model gave no token");
  return firstAt - startedAt;
}

/** Gives latencies that are compared with those of their own name. */
function toMetrics(latencies: Latencies, name: string): readonly Metric[] {
  return latencies.metrics(name).map(({ against: _, ...metric }) => metric);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
