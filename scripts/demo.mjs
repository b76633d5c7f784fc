import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execPath } from "node:process";
import { createInterface } from "node:readline";
import { root, setUp } from "./setup.mjs";

/**
 * Plays the main job: an agent writes a conversation, is killed, comes back as another
 * process, and goes on where it was; then the server is killed, and nothing is lost.
 */
setUp();
const directory = mkdtempSync(join(tmpdir(), "mofa-state-demo-"));
let server;
try {
  await play(`sqlite://${join(directory, "demo.db")}`);
} finally {
  server?.child.kill("SIGKILL");
  rmSync(directory, { recursive: true, force: true });
}

async function play(database) {
  say("A server starts on an empty SQLite file.");
  server = await serve(database);
  say("An agent holds a conversation, and is killed by SIGKILL with a question unanswered.");
  await runAgent(["What is a session?", "And what happens if you crash…"]);
  say("It comes back as another process, streams its history, and answers that question.");
  await runAgent([]);
  say("Now the server is killed by SIGKILL, and starts again on the same file.");
  server.child.kill("SIGKILL");
  await once(server.child, "close");
  server = await serve(database);
  await runAgent(["Is everything still there?"]);
  say("Every acknowledged message is there, once, in order.");
}

async function serve(database) {
  const args = ["server/dist/main.js", "serve", "--listen", "127.0.0.1:0", "--database", database];
  const child = spawn(execPath, args, { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
  for await (const line of createInterface({ input: child.stderr })) {
    console.log(`    server ${child.pid}: ${line}`);
    const address = /^listening on (\S+)$/.exec(line)?.[1];
    if (address !== undefined) return { child, address };
  }
  throw new Error("the server did not start");
}

async function runAgent(questions) {
  const args = ["scripts/demo-agent.mjs", server.address, ...questions];
  const agent = spawn(execPath, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  const [code, signal] = await once(agent, "close");
  console.log(`    agent ${agent.pid}: ended by ${signal ?? `itself, exit code ${code}`}`);
  if (code !== 0 && signal !== "SIGKILL") throw new Error("the agent failed");
}

function say(line) {
  console.log(`\n${line}`);
}
