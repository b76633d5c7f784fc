import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chown, mkdtemp } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { guardProcess, type ProcessGuard } from "./process-guard.js";
import { type Identity, unprivilegedIdentity } from "./unprivileged-identity.js";

const run = promisify(execFile);

/** A program, and what it is called with. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
}

/** How one kind of database server is set up and run. */
export interface ServerRecipe {
  readonly name: string;
  /**
   * Makes the server's programs ready for a user to run, and gives their directory.
   *
   * It may put files into `directory`, where the data directory will be.
   */
  prepare(directory: string, identity: Identity): Promise<string>;
  /** Fills the data directory of a new server, which does not exist yet. */
  initialise(programs: string, dataDirectory: string): Command;
  /** Runs the server on a port of 127.0.0.1, in the foreground. */
  serve(programs: string, dataDirectory: string, port: number): Command;
  /** What the server writes to standard error once it takes connections. */
  readonly readyText: string;
  /** Stops it in order, whoever is connected. */
  readonly stopSignal: NodeJS.Signals;
  /** Stops it as a crash does: nothing is flushed. */
  readonly killSignal: NodeJS.Signals;
  /** The URL by which an administrator connects. */
  url(port: number): string;
}

/** What a server needs to be there before it starts. */
interface SetUp {
  readonly programs: string;
  readonly dataDirectory: string;
  readonly identity: Identity;
  readonly guard: ProcessGuard;
}

/**
 * A private database server with durable settings, in a temporary directory and on a
 * port of its own, which it keeps when it is stopped and started again.
 *
 * It ends, and its data goes, with the process that started it, however that ends.
 */
export class DatabaseServer {
  readonly url: string;
  readonly #recipe: ServerRecipe;
  readonly #command: Command;
  readonly #options: { readonly cwd: string } & Identity;
  readonly #guard: ProcessGuard;
  #process: ChildProcess | undefined;

  private constructor(recipe: ServerRecipe, setUp: SetUp, port: number) {
    this.url = recipe.url(port);
    this.#recipe = recipe;
    this.#command = recipe.serve(setUp.programs, setUp.dataDirectory, port);
    this.#options = { ...setUp.identity, cwd: setUp.dataDirectory };
    this.#guard = setUp.guard;
  }

  /** Sets a new server up and starts it. */
  static async start(recipe: ServerRecipe): Promise<DatabaseServer> {
    const identity = await unprivilegedIdentity();
    const directory = await mkdtemp(join(tmpdir(), `mofa-state-${recipe.name}-`));
    const guard = guardProcess(directory);
    try {
      const setUp = await setUpIn(directory, recipe, identity);
      const server = new DatabaseServer(recipe, { ...setUp, guard }, await freePort());
      await server.start();
      return server;
    } catch (error) {
      await guard.release();
      throw error;
    }
  }

  /** Starts the server again after {@link stop} or {@link kill}, and waits until it takes connections. */
  async start(): Promise<void> {
    const child = spawn(this.#command.file, this.#command.args, {
      ...this.#options,
      stdio: ["ignore", "ignore", "pipe"],
      // A Ctrl-C goes to a terminal's whole group; the tests end the server in order.
      detached: true,
    });
    this.#process = child;
    this.#guard.watch(child.pid);
    await waitForLine(child, this.#recipe);
  }

  /** Stops the server in order, and waits until it has exited. */
  stop(): Promise<void> {
    return this.#end(this.#recipe.stopSignal);
  }

  /** Stops the server as a crash does, and waits until it has exited. */
  kill(): Promise<void> {
    return this.#end(this.#recipe.killSignal);
  }

  /** Stops the server for good, and removes its data. */
  async close(): Promise<void> {
    await this.kill();
    await this.#guard.release();
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
    this.#guard.watch(undefined);
  }
}

async function setUpIn(
  directory: string,
  recipe: ServerRecipe,
  identity: Identity,
): Promise<Omit<SetUp, "guard">> {
  if (identity.uid !== undefined) await chown(directory, identity.uid, identity.gid ?? -1);
  const dataDirectory = join(directory, "data");
  const programs = await recipe.prepare(directory, identity);
  const { file, args } = recipe.initialise(programs, dataDirectory);
  await run(file, args, { ...identity, cwd: directory });
  return { programs, dataDirectory, identity };
}

async function waitForLine(child: ChildProcess, { name, readyText }: ServerRecipe): Promise<void> {
  const { stderr } = child;
  if (stderr === null) throw new Error(`${name} was started without its standard error`);
  const output: string[] = [];
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => {
      reject(new Error(`${name} exited with ${code} before it was ready:\n${output.join("\n")}`));
    });
    createInterface({ input: stderr }).on("line", (line) => {
      output.push(line);
      if (line.includes(readyText)) resolve();
    });
  });
}

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  listener.close();
  await once(listener, "close");
  if (address === null || typeof address === "string") throw new Error("no port is free");
  return address.port;
}
