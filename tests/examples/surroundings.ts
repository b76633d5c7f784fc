import { type State, stableId } from "@mofa-state/client";
import { startModelServer } from "../agent/model-server.js";
import type { TestDatabase } from "../support/databases.js";
import { startServerProcess } from "../support/server-process.js";
import { connectForTest } from "../support/test-server.js";
import type { Surroundings } from "./example-process.js";

type Answers = Parameters<typeof startModelServer>[0];
type ModelServer = Awaited<ReturnType<typeof startModelServer>>;

/** What an example runs in, and a look at what it stores. */
export interface Stage {
  readonly surroundings: Surroundings;
  readonly model: ModelServer;
  readonly store: State;
}

/** Starts a server on an empty database as a process, and a model. */
export async function startSurroundings(
  database: TestDatabase,
  answers: Answers,
  args: readonly string[] = [],
): Promise<Stage> {
  const { address } = await startServerProcess(await database.create(), { args });
  const model = await startModelServer(answers);
  const store = await connectForTest(address, { tenantId: stableId("home") });
  return { surroundings: { address, modelUrl: model.url }, model, store };
}
