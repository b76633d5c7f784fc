import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Sample } from "./bench-case.js";
import { GrpcClient } from "./grpc-client.js";

const LISTENING = /^listening on (\S+)$/;
const REPORT_CPU = new URL("report-cpu.js", import.meta.url).href;

/** A server in a process of its own, with a client and a meter of its CPU time. */
export class MeasuredServer {
  readonly client: GrpcClient;
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess, address: string) {
    this.#process = child;
    this.client = new GrpcClient(address);
  }

  /**
   * Runs a module as a server, and waits until it listens.
   *
   * @throws Error with what it wrote, if it exits before.
   */
  static async start(module: URL, args: readonly string[] = []): Promise<MeasuredServer> {
    const child = spawn(
      process.execPath,
      ["--import", REPORT_CPU, fileURLToPath(module), ...args],
      { stdio: ["ignore", "ignore", "pipe", "ipc"] },
    );
    return new MeasuredServer(child, await addressOf(child));
  }

  /** Takes a sample, and gives it with the CPU time that the server spent, in microseconds. */
  async measure(
    load: (client: GrpcClient) => Promise<Sample>,
  ): Promise<Sample & { readonly cpuMicros: number }> {
    const before = await this.#cpuMicros();
    const sample = await load(this.client);
    return { ...sample, cpuMicros: (await this.#cpuMicros()) - before };
  }

  /** Ends the server, and waits until it has exited. */
  async close(): Promise<void> {
    this.client.close();
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, "exit");
    this.#process.kill();
    await exited;
  }

  async #cpuMicros(): Promise<number> {
    const answered = once(this.#process, "message");
    this.#process.send("cpu");
    const [micros] = await answered;
    return Number(micros);
  }
}

function addressOf(child: ChildProcess): Promise<string> {
  const { stderr } = child;
  if (stderr === null) throw new Error("a server was started without its standard error");
  const lines: string[] = [];
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => {
      reject(new Error(`a server exited with ${code} before it listened:\n${lines.join("\n")}`));
    });
    createInterface({ input: stderr }).on("line", (line) => {
      lines.push(line);
      const address = LISTENING.exec(line)?.[1];
      if (address !== undefined) resolve(address);
    });
  });
}
