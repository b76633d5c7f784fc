import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

const MAIN = fileURLToPath(new URL("../../server/bin/mofa-state.js", import.meta.url));

// With the end of the line: the address may arrive in pieces.
const LISTENING = /^listening on (\S+)\n/m;

/** How a process ended, and all that it wrote. */
export interface Exit {
  /** Its exit code; undefined where a signal ended it. */
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** Where a process writes to. */
export type OutputName = "stdout" | "stderr";

/** A `mofa-state` command that runs as a process of its own, until the test ends at the latest. */
export interface CommandProcess {
  readonly pid: number;
  /** Settles when the process has exited and its output is complete. */
  readonly exited: Promise<Exit>;
  /** What it has written so far. */
  stdout(): string;
  stderr(): string;
  /**
   * Waits until what it has written contains a match, and gives that.
   *
   * @throws Error with all that it wrote, if it exits before.
   */
  untilWritten(stream: OutputName, pattern: RegExp): Promise<RegExpExecArray>;
  /** Stops reading what it writes, as a reader of its log that has crashed. */
  closeOutput(): void;
  /** Sends a signal; `exited` tells when it has worked. */
  kill(signal?: NodeJS.Signals): void;
}

/** A `mofa-state serve` that listens. */
export interface ServerProcess extends CommandProcess {
  /** Where it listens, as a client takes it: `127.0.0.1:50051` or `unix:/path`. */
  readonly address: string;
}

/** What a command is called with, beside its arguments. */
export interface CommandOptions {
  /** Variables, such as `MOFA_STATE_LISTEN`, beside this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Its working directory. */
  readonly cwd?: string;
}

/** How a server is started. */
export interface ServeOptions extends CommandOptions {
  /** Where it listens; a free port of 127.0.0.1 where it is not given. */
  readonly listen?: string;
  /** Further arguments of `serve`. */
  readonly args?: readonly string[];
}

/** Runs the built command with these arguments to its end. */
export function runCommand(args: readonly string[], options: CommandOptions = {}): Promise<Exit> {
  return startCommand(args, options).exited;
}

/**
 * Starts the built server on a database, and waits until it listens.
 *
 * @throws Error with all that it wrote, if it exits before.
 */
export async function startServerProcess(
  databaseUrl: string,
  { listen = "127.0.0.1:0", args = [], ...options }: ServeOptions = {},
): Promise<ServerProcess> {
  const given = ["serve", "--listen", listen, "--database", databaseUrl, ...args];
  const command = startCommand(given, options);
  const [, address = ""] = await command.untilWritten("stderr", LISTENING);
  return { ...command, address };
}

/** Starts the built command with these arguments. */
export function startCommand(
  args: readonly string[],
  { env, cwd }: CommandOptions = {},
): CommandProcess {
  const child = spawn(process.execPath, ["--enable-source-maps", MAIN, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${process.execPath} could not be started`);
  const output = collectOutput(child);
  const exited = exitOf(child, output);
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  return {
    pid,
    exited,
    ...output,
    untilWritten: (name, pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const match = pattern.exec(output[name]());
          if (match !== null) resolve(match);
        };
        child[name].on("data", look);
        look();
        exited.then((exit) => reject(new Error(describeExit(exit))), reject);
      }),
    closeOutput() {
      child.stdout.destroy();
      child.stderr.destroy();
    },
    kill: (signal = "SIGTERM") => void child.kill(signal),
  };
}

function describeExit({ code, signal, stdout, stderr }: Exit): string {
  return `the command exited with ${code ?? signal}, having written:\n${stdout}${stderr}`;
}

type OutputTexts = Readonly<Record<OutputName, () => string>>;

function collectOutput(child: ChildProcessByStdio<null, Readable, Readable>): OutputTexts {
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (chunk: string) => {
      text[name] += chunk;
    });
  }
  return { stdout: () => text.stdout, stderr: () => text.stderr };
}

async function exitOf(child: ChildProcess, output: OutputTexts): Promise<Exit> {
  // Not "exit", after which output may still come.
  await once(child, "close");
  return {
    code: child.exitCode ?? undefined,
    signal: child.signalCode ?? undefined,
    stdout: output.stdout(),
    stderr: output.stderr(),
  };
}
