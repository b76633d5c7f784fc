// An agent that is killed in the middle of an answer, and goes on.
//
//   node examples/dist/resume.js story "Tell me a long story"    # kill -9 it while it answers
//   node examples/dist/resume.js story
//
// With a question, it asks. Without one, it shows what is stored of the last answer, and
// finishes the turn if that is unfinished. After a crash, that takes up to 10 s: so long the
// server waits for the writer to come back.
import { argv, env, exit, pid, stdout } from "node:process";
import { connect, stableId } from "@mofa-state/client";
import { LLMAgentBuilder, PersistencePlugin } from "@mofa-state/client/agent";

// In place of a stack trace.
process.on("uncaughtException", ({ message }) => {
  console.error(message);
  exit(1);
});

const [, , name, question] = argv;
if (name === undefined) {
  console.error("usage: resume.js SESSION [QUESTION]");
  exit(2);
}
const [userId, tenantId, agentId] = [stableId("ann"), stableId("home"), stableId("examples")];

await using store = await connect(env.MOFA_STATE_ADDRESS ?? "localhost:50051");
const plugin = new PersistencePlugin("persistence", store, userId, tenantId, agentId, name);
const agent = await LLMAgentBuilder.fromEnv().withPersistencePlugin(plugin).build();

if (question === undefined) await showLastMessage();
else console.log(`kill -9 ${pid} while this is answered:`);

let isAnswered = false;
for await (const piece of question === undefined ? agent.resume() : agent.chatStream(question)) {
  stdout.write(piece);
  isAnswered = true;
}
console.log(isAnswered ? "" : "there is nothing to go on with");

async function showLastMessage(): Promise<void> {
  const [message] = await agent.history({ last: 1 });
  if (message === undefined) return;
  const { role, content, status } = message;
  console.log(`${role}: ${content}`);
  const isUnfinished = role !== "assistant" || status !== "complete";
  if (isUnfinished) console.log("this is unfinished, so the agent goes on:");
}
