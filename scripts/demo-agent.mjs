import { argv, kill, pid } from "node:process";
import { connect } from "@mofa-state/client";

/**
 * The agent of the demo: node demo-agent.mjs ADDRESS [QUESTION …]
 *
 * It takes up its session where it was left, answers what is unanswered, and then each
 * QUESTION. It dies by SIGKILL before it answers a question that ends with an ellipsis.
 */
const [, , address, ...questions] = argv;
const state = await connect(address);
const session = await state.sessions.open({ key: "demo-support-42", title: "Demo" });

let unanswered;
for await (const message of session.messages()) {
  print(`  ${message.sequence}. ${message.role.padEnd(9)} ${message.content}`);
  unanswered = message.role === "user" ? message : undefined;
}
print(session.created ? "a new session" : `resumed session ${session.id}`);

if (unanswered !== undefined) await answer(unanswered.content);
for (const question of questions) {
  await session.append({ role: "user", content: question });
  print(`stored: ${question}`);
  if (question.endsWith("…")) kill(pid, "SIGKILL");
  await answer(question);
}
await state.close();

/** Stores the answer and how far the agent is, together or not at all. */
async function answer(question) {
  const content = `You asked: ${question}`;
  const agentStates = [{ state: { answered: question } }];
  const { headSequence } = await session.append({ role: "assistant", content }, { agentStates });
  print(`answered, at sequence ${headSequence}`);
}

function print(line) {
  console.log(`    agent ${pid}: ${line}`);
}
