import { argv, kill, pid } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "@mofa-state/client";

/**
 * The agent of the demo: node demo-agent.mjs ADDRESS [QUESTION …]
 *
 * It takes up its session where it was left, finishes the answer that it was giving, and
 * then answers each QUESTION, word by word. It dies by SIGKILL in the middle of an answer
 * to a question that ends with an ellipsis.
 */
const WORD_MS = 60;

const [, , address, ...questions] = argv;
const state = await connect(address);
const session = await state.sessions.open({ key: "demo-support-42", title: "Demo" });

let question;
let answer;
for await (const message of session.messages()) {
  print(`  ${message.sequence}. ${message.role.padEnd(9)} ${message.content} [${message.status}]`);
  if (message.role === "user") question = message;
  answer = message.role === "user" ? undefined : message;
}
print(session.created ? "a new session" : `resumed session ${session.id}`);

if (question !== undefined && answer?.status !== "complete") {
  await reply(question.content, answer?.id);
}
for (const content of questions) {
  await session.append({ role: "user", content });
  print(`stored: ${content}`);
  await reply(content);
}
await state.close();

/** Writes the answer, or goes on with the one that has this id, and stores how far the agent is. */
async function reply(content, id) {
  const text = `You asked "${content}", and this answer is kept word by word while it is given.`;
  const writer = session.write({ role: "assistant", id });
  const { offset } = await writer.opened;
  if (offset > 0) print(`goes on after ${offset} bytes of its answer`);
  const words = Buffer.from(text)
    .subarray(offset)
    .toString()
    .split(/(?<= )/);
  for (const [index, word] of words.entries()) {
    await writer.write(word);
    await sleep(WORD_MS);
    if (content.endsWith("…") && id === undefined && index > words.length / 2) kill(pid, "SIGKILL");
  }
  const { sequence } = await writer.finish();
  await session.state.put({ answered: content });
  print(`answered, at sequence ${sequence}`);
}

function print(line) {
  console.log(`    agent ${pid}: ${line}`);
}
