import { spawn } from "node:child_process";
import { constants } from "node:os";
import { execPath } from "node:process";
import { root } from "./setup.mjs";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/**
 * Runs Node in the repository's root, and gives signals on to it.
 *
 * `exited` settles with its exit code, or as a shell has it with 128 and the signal.
 */
export function runNode(args, { env, stderr = "inherit" } = {}) {
  const child = spawn(execPath, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", "inherit", stderr],
    // Out of the terminal's group, so that it gets a Ctrl-C once, from here.
    detached: true,
  });
  const exited = new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(code ?? 128 + constants.signals[signal]));
  });
  for (const signal of SIGNALS) forward(signal, child);
  return { child, exited };
}

function forward(signal, child) {
  let forwardedAt = 0;
  process.on(signal, () => {
    // The terminal and npm both deliver a Ctrl-C; a second one on purpose comes later.
    if (Date.now() - forwardedAt < 500) return;
    forwardedAt = Date.now();
    child.kill(signal);
  });
}
