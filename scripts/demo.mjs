import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execPath } from "node:process";
import { createInterface } from "node:readline";
import { root, setUp } from "./setup.mjs";

/** After how many words the server is killed. */
const WORDS_BEFORE_CRASH = 6;

/**
 * Plays the main job: an agent is killed in the middle of an answer, comes back as another
 * process, and goes on where it was; then the server is killed in the middle of one, and
 * the agent does not even notice. A supervisor follows the conversation all the time.
 */
setUp();
const directory = mkdtempSync(join(tmpdir(), "mofa-state-demo-"));
const address = `unix:${join(directory, "demo.sock")}`;
let server;
try {
  await play(`sqlite://${join(directory, "demo.db")}`);
} finally {
  server?.kill("SIGKILL");
  rmSync(directory, { recursive: true, force: true });
}

async function play(database) {
  say("A server starts on an empty SQLite file.");
  server = await serve(database);
  say("An agent holds a conversation, and is killed by SIGKILL in the middle of an answer.");
  await runAgent(["What is a session?", "And what happens if you crash…"]);
  say("It comes back as another process, streams its history, and finishes that answer.");
  await runAgent([]);
  say(
    "A supervisor follows live while the server is killed in the middle of an answer, and starts again.",
  );
  const supervising = await supervise();
  const answering = runAgent(["Is everything still there?"]);
  await supervising.isMidAnswer;
  server.kill("SIGKILL");
  await once(server, "close");
  server = await serve(database);
  await answering;
  await supervising.ended;
  say("Every acknowledged word is there, once, in order.");
}

async function serve(database) {
  const args = ["server/bin/mofa-state.js", "serve", "--listen", address, "--database", database];
  const child = spawn(execPath, args, { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
  for await (const line of createInterface({ input: child.stderr })) {
    console.log(`    server ${child.pid}: ${line.replace(directory, "…")}`);
    if (line.startsWith("listening on ")) return child;
  }
  throw new Error("the server did not start");
}

async function runAgent(questions) {
  const args = ["scripts/demo-agent.mjs", address, ...questions];
  const agent = spawn(execPath, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  const [code, signal] = await once(agent, "close");
  console.log(`    agent ${agent.pid}: ended by ${signal ?? `itself, exit code ${code}`}`);
  if (code !== 0 && signal !== "SIGKILL") throw new Error("the agent failed");
}

/** Follows the session from now on, and shows the next answer as it grows, until it is complete. */
async function supervise() {
  const { connect } = await import("@mofa-state/client");
  const state = await connect(address);
  const session = await state.sessions.get({ key: "demo-support-42" });
  const following = settledLater();
  const midAnswer = settledLater();
  let words = 0;
  async function follow() {
    for await (const event of session.follow({
      last: 0,
      deltas: true,
      onCaughtUp: following.settle,
    })) {
      if (event.type === "text_delta") {
        console.log(`    supervisor: + ${event.text}`);
        words += 1;
        if (words === WORDS_BEFORE_CRASH) midAnswer.settle();
      }
      if (event.type !== "message_updated" || event.message.role !== "assistant") continue;
      const { status, content } = event.message;
      console.log(`    supervisor: ${status}: ${content}`);
      if (status === "complete") break;
    }
    await state.close();
  }
  const ended = follow();
  await following.promise;
  return { isMidAnswer: midAnswer.promise, ended };
}

function settledLater() {
  let settle;
  const promise = new Promise((resolve) => {
    settle = resolve;
  });
  return { promise, settle };
}

function say(line) {
  console.log(`\n${line}`);
}
