import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { GrpcClient } from "./grpc-client.js";
import type { Usage } from "./report-usage.js";

const LISTENING = /^listening on (\S+)$/;
const REPORT_USAGE = new URL("report-usage.js", import.meta.url).href;

/** A server in a process of its own, with a client and a meter of what it uses. */
export class MeasuredServer {
  /** `HOST:PORT`. */
  readonly address: string;
  readonly client: GrpcClient;
  readonly #process: ChildProcess;

  private constructor(child: ChildProcess, address: string) {
    this.#process = child;
    this.address = address;
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
      ["--import", REPORT_USAGE, fileURLToPath(module), ...args],
      { stdio: ["ignore", "ignore", "pipe", "ipc"] },
    );
    return new MeasuredServer(child, await addressOf(child));
  }

  /** Gives what the process uses. */
  usage(): Promise<Usage> {
    return this.#ask("usage");
  }

  /** Gives what the process uses once its garbage is collected. */
  usageWithoutGarbage(): Promise<Usage> {
    return this.#ask("usage after collecting garbage");
  }

  /** Ends the server, and waits until it has exited. */
  async close(): Promise<void> {
    this.client.close();
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, "exit");
    this.#process.kill();
    await exited;
  }

  async #ask(question: string): Promise<Usage> {
    const answered = once(this.#process, "message");
    this.#process.send(question);
    const [usage] = await answered;
    return usage;
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
