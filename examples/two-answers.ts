// Answers a question twice, in two forks of the conversation, and keeps the better answer.
//
//   node examples/dist/chat.js holiday                # ask it something, and end it
//   node examples/dist/two-answers.js holiday
//
// Both forks share the messages up to the last question; the conversation itself stays as it
// is. The one that is kept is a conversation of its own, which chat.js goes on with.
import { argv, env, exit, stdin, stdout } from "node:process";
import { createInterface } from "node:readline";
import { connect, type Session, stableId } from "@mofa-state/client";
import { LLMAgentBuilder, PersistencePlugin } from "@mofa-state/client/agent";

const PROMPTS = ["Answer in one sentence.", "Answer with an example."];

// In place of a stack trace.
process.on("uncaughtException", ({ message }) => {
  console.error(message);
  exit(1);
});

const [, , name] = argv;
if (name === undefined) {
  console.error("usage: two-answers.js SESSION");
  exit(2);
}
const [userId, tenantId, agentId] = [stableId("ann"), stableId("home"), stableId("examples")];

await using store = await connect(env.MOFA_STATE_ADDRESS ?? "localhost:50051", { tenantId });
const session = await store.sessions.get({ key: name });
const at = await lastQuestion(session);
const forks = await Promise.all(PROMPTS.map((title) => session.fork({ at, title })));
const answers = await Promise.allSettled(forks.map(answerIn));
const failed = answers.find((answer) => answer.status === "rejected");
if (failed) {
  await Promise.all(forks.map((fork) => fork.delete()));
  throw failed.reason;
}
for (const [index, answer] of answers.entries()) {
  if (answer.status === "fulfilled") console.log(`${index + 1}. ${answer.value}`);
}

const chosen = await choose();
for (const fork of forks) if (chosen && fork !== chosen) await fork.delete();
if (chosen) console.log(`kept: node examples/dist/chat.js ${chosen.id} goes on with it`);

/** Gives the place of the newest question. */
async function lastQuestion(session: Session): Promise<number> {
  const questions = { order: "descending", roles: ["user"], pageSize: 1 } as const;
  for await (const { sequence } of session.listMessages(questions)) return sequence;
  throw new Error(`nothing was asked in ${name}: ask it something by chat.js first`);
}

/** Answers the question in a fork, where it is the end of a turn that nobody has answered. */
async function answerIn(fork: Session): Promise<string> {
  const plugin = new PersistencePlugin("persistence", store, userId, tenantId, agentId, fork.id);
  const agent = await LLMAgentBuilder.fromEnv()
    .withPersistencePlugin(plugin)
    .withSystemPrompt(fork.info.title)
    .build();
  let answer = "";
  for await (const piece of agent.resume()) answer += piece;
  return answer;
}

/** Asks which fork to keep; undefined at the end of the input, where both are kept. */
async function choose(): Promise<Session | undefined> {
  const terminal = createInterface({ input: stdin, output: stdout });
  terminal.setPrompt("Which one is better, 1 or 2? ");
  terminal.prompt();
  for await (const line of terminal) {
    const chosen = forks[Number(line) - 1];
    if (chosen) {
      terminal.close();
      return chosen;
    }
    terminal.prompt();
  }
  return undefined;
}
