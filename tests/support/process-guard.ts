import { spawn } from "node:child_process";
import { once } from "node:events";

/** Sees to it that a process and its directory do not outlive this one. */
export interface ProcessGuard {
  /** Says which process to end; undefined for none. */
  watch(pid: number | undefined): void;
  /** Ends what is watched, removes the directory, and waits for both. */
  release(): Promise<void>;
}

// Its input ends with this process, even by SIGKILL; then it ends what it guards.
const SCRIPT = `
pid=
while read -r line; do pid=$line; done
if [ -n "$pid" ] && kill -QUIT "$pid" 2>/dev/null; then
  tries=0
  while kill -0 "$pid" 2>/dev/null && [ $tries -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
  kill -KILL "$pid" 2>/dev/null
fi
rm -rf "$1"
`;

/** Starts a guard for processes that keep their data in a directory. */
export function guardProcess(directory: string): ProcessGuard {
  const guard = spawn("/bin/sh", ["-c", SCRIPT, "guard", directory], {
    stdio: ["pipe", "ignore", "ignore"],
    // A Ctrl-C must not end the guard before what it guards.
    detached: true,
  });
  const exited = once(guard, "exit");
  return {
    watch(pid) {
      guard.stdin.write(`${pid ?? ""}\n`);
    },
    async release() {
      guard.stdin.end();
      await exited;
    },
  };
}
