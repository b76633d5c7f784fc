import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/** A client that runs as a process of its own, until the test ends at the latest. */
export interface ClientProcess {
  readonly pid: number;
  /** The numbers that it has written so far, one on a line. */
  readonly numbers: readonly number[];
  /** Waits until it has written a number that is as large as this, or larger. */
  untilAtLeast(number: number): Promise<void>;
  /** Ends it as a crash does, and waits until it is gone. */
  crash(): Promise<void>;
}

/** Starts a program that lies beside this file, by its name and with these arguments. */
export function startClientProcess(name: string, ...args: readonly string[]): ClientProcess {
  const file = fileURLToPath(new URL(`./${name}`, import.meta.url));
  const child = spawn(process.execPath, [file, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${process.execPath} could not be started`);
  const exited = once(child, "close");
  const crash = async () => {
    child.kill("SIGKILL");
    await exited;
  };
  onTestFinished(crash);
  const numbers: number[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => numbers.push(Number(line)));
  const ended = once(lines, "close");
  return {
    ...{ pid, numbers, crash },
    untilAtLeast(number) {
      return new Promise((resolve, reject) => {
        const look = () => {
          if (!((numbers.at(-1) ?? 0) >= number)) return;
          lines.off("line", look);
          resolve();
        };
        lines.on("line", look);
        look();
        ended.then(() => reject(new Error(`${name} ended before it wrote ${number}`)), reject);
      });
    },
  };
}
