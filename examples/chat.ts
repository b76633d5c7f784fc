// A chat in the terminal, with an agent that keeps its conversations.
//
//   node examples/dist/chat.js holiday
//
// End it, in whichever way, start it again, and it is where it was. What is typed is asked;
// /sessions lists the conversations, /switch NAME goes to another one, which may be new,
// /history shows what was said, /exit ends it. Ctrl-C stops an answer.
import { argv, env, exit, stdin, stdout } from "node:process";
import { createInterface } from "node:readline";
import { connect, StateError, stableId } from "@mofa-state/client";
import { LLMAgentBuilder, PersistencePlugin } from "@mofa-state/client/agent";

// In place of a stack trace.
process.on("uncaughtException", ({ message }) => {
  console.error(message);
  exit(1);
});

const [, , name = "chat"] = argv;
const [userId, tenantId, agentId] = [stableId("ann"), stableId("home"), stableId("examples")];

await using store = await connect(env.MOFA_STATE_ADDRESS ?? "localhost:50051");
const plugin = new PersistencePlugin("persistence", store, userId, tenantId, agentId, name);
const agent = await LLMAgentBuilder.fromEnv()
  .withPersistencePlugin(plugin)
  .withSystemPrompt("You are a friendly assistant, and brief.")
  .withTokenBudget(8_000)
  .build();

const terminal = createInterface({ input: stdin, output: stdout });
let answering: AbortController | undefined;
terminal.on("SIGINT", () => (answering ? answering.abort() : terminal.close()));

terminal.prompt();
for await (const line of terminal) {
  if (line === "/exit") break;
  try {
    await obey(line);
  } catch (error) {
    console.log(`\n${error instanceof Error ? error.message : error}`);
  }
  terminal.prompt();
}
terminal.close();

async function obey(line: string): Promise<void> {
  const [command, ...words] = line.trim().split(/ +/);
  if (command === "/sessions") await showSessions();
  else if (command === "/switch" && words.length === 0) console.log("usage: /switch NAME");
  else if (command === "/switch") await switchTo(words.join(" "));
  else if (command === "/history") await showHistory();
  else if (line.trim() !== "") await ask(line);
}

async function ask(question: string): Promise<void> {
  answering = new AbortController();
  try {
    const pieces = agent.chatStream(question, { signal: answering.signal });
    for await (const piece of pieces) stdout.write(piece);
    stdout.write("\n");
  } finally {
    answering = undefined;
  }
}

async function showSessions(): Promise<void> {
  for (const { id, key, messageCount } of await agent.listSessions()) {
    console.log(`${id === agent.sessionId ? "*" : " "} ${key ?? id}, ${messageCount} messages`);
  }
}

async function switchTo(session: string): Promise<void> {
  try {
    await agent.switchSession(session);
  } catch (error) {
    if (!(error instanceof StateError) || error.code !== "not_found") throw error;
    await agent.switchSession(await agent.createSession({ key: session }));
  }
}

async function showHistory(): Promise<void> {
  for (const { role, content, status } of await agent.history()) {
    console.log(`${role}: ${content}${status === "complete" ? "" : ` (${status})`}`);
  }
}
