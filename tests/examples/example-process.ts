import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

/** Where an example finds what it talks to. */
export interface Surroundings {
  /** The server's address. */
  readonly address: string;
  /** The model's endpoint. */
  readonly modelUrl: string;
  /** The model's key; any text by default. */
  readonly modelKey?: string;
}

/** An example that runs as a process of its own, until the test ends at the latest. */
export interface ExampleProcess {
  /** What it has written so far. */
  stdout(): string;
  stderr(): string;
  /** Types a line. */
  type(line: string): void;
  /** Types no more. */
  endInput(): void;
  /**
   * Waits until what it has written contains a text.
   *
   * @throws Error with all that it wrote, if it ends before.
   */
  untilWritten(stream: "stdout" | "stderr", text: string): Promise<void>;
  /** Waits until it has ended by itself, with exit code 0, and gives what it wrote. */
  ended(): Promise<string>;
  /** Waits until it has ended by itself, with exit code 1, and gives what it says of that. */
  failed(): Promise<string>;
  /** Ends it by SIGKILL, as a crash does, and waits until it is gone. */
  crash(): Promise<void>;
}

/** Starts an example by its name and with these arguments. */
export function startExample(
  name: string,
  args: readonly string[],
  { address, modelUrl, modelKey = "none" }: Surroundings,
): ExampleProcess {
  const file = fileURLToPath(new URL(`../../examples/dist/${name}.js`, import.meta.url));
  const child = spawn(process.execPath, [file, ...args], {
    env: {
      ...process.env,
      MOFA_STATE_ADDRESS: address,
      OPENAI_API_KEY: modelKey,
      OPENAI_BASE_URL: modelUrl,
      OPENAI_MODEL: "model-1",
    },
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${process.execPath} could not be started`);
  const written = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream].setEncoding("utf8").on("data", (text: string) => {
      written[stream] += text;
    });
  }
  const closed = once(child, "close");
  const crash = async () => {
    if (child.exitCode === null && child.signalCode === null) process.kill(pid, "SIGKILL");
    await closed;
  };
  onTestFinished(crash);
  const failure = () =>
    new Error(`${name} ended with ${child.exitCode}:\n${written.stdout}${written.stderr}`);
  return {
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    type: (line) => void child.stdin.write(`${line}\n`),
    endInput: () => void child.stdin.end(),
    untilWritten: (stream, text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (written[stream].includes(text)) resolve();
        };
        child[stream].on("data", look);
        look();
        closed.then(() => reject(failure()), reject);
      }),
    async ended() {
      await closed;
      if (child.exitCode !== 0) throw failure();
      return written.stdout;
    },
    async failed() {
      await closed;
      if (child.exitCode !== 1) throw failure();
      return written.stderr;
    },
    crash,
  };
}
