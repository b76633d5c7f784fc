// Asks a model, and says how many bytes of its answer have come:
// node agent-program.mjs ADDRESS SESSION MODEL_URL
import { randomUUID } from "node:crypto";
import { argv, stdout } from "node:process";
import { connect } from "@mofa-state/client";
import { LLMAgentBuilder, PersistencePlugin } from "@mofa-state/client/agent";

const [, , address, sessionId, modelUrl] = argv;
const store = await connect(address);
const NOBODY = "00000000-0000-0000-0000-000000000000";
const plugin = new PersistencePlugin(
  "persistence",
  store,
  randomUUID(),
  NOBODY,
  randomUUID(),
  sessionId,
);
const agent = await LLMAgentBuilder.fromEnv({ OPENAI_API_KEY: "none", OPENAI_BASE_URL: modelUrl })
  .withPersistencePlugin(plugin)
  .build();

let bytes = 0;
for await (const piece of agent.chatStream("Hi")) {
  bytes += Buffer.byteLength(piece);
  stdout.write(`${bytes}\n`);
}
