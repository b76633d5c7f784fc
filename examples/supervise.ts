// Watches the agent of another process, token by token.
//
//   node examples/dist/chat.js holiday
//   node examples/dist/supervise.js holiday           # in another terminal; --once for one answer
//
// It goes on across restarts of the agent and of the server. Standard output is what the
// agent says, and nothing else.
import { argv, env, exit, stderr, stdout } from "node:process";
import { Conversation, connect, type Message, stableId } from "@mofa-state/client";

// In place of a stack trace.
process.on("uncaughtException", ({ message }) => {
  console.error(message);
  exit(1);
});

const [, , name, flag] = argv;
if (name === undefined) {
  console.error("usage: supervise.js SESSION [--once]");
  exit(2);
}

await using store = await connect(env.MOFA_STATE_ADDRESS ?? "localhost:50051", {
  tenantId: stableId("home"),
});
const session = await store.sessions.get({ key: name });

// Before the first event of `last: 0`, which is what happens from now on.
const onCaughtUp = () => stderr.write(`following ${name}\n`);
const conversation = new Conversation();
let shown = "";
for await (const event of session.follow({ last: 0, deltas: true, onCaughtUp })) {
  if (event.type === "message") shown = "";
  conversation.apply(event);
  const newest = conversation.messages.at(-1);
  if (newest?.role !== "assistant") continue;
  show(newest.content);
  if (!("message" in event) || event.message !== newest || !isEnded(newest)) continue;
  stdout.write("\n");
  if (flag === "--once") break;
}

/** Writes what is new of a text. A crash may have taken back what was not stored yet. */
function show(text: string): void {
  stdout.write(text.startsWith(shown) ? text.slice(shown.length) : `\n${text}`);
  shown = text;
}

/** Whether an answer has ended: one that calls tools goes on in another message. */
function isEnded({ status, parts }: Message): boolean {
  return status !== "streaming" && !parts.some((part) => part.type === "tool_call");
}
