import type { DatabaseKind } from "../support/database-kinds.js";
import type { ServerUrls } from "../support/database-servers.js";
import { createEmptyDatabase } from "../support/empty-database.js";
import { type Driver, openDriver } from "./driver.js";
import { GrpcClient } from "./grpc-client.js";
import { MeasuredServer } from "./measured-server.js";

// From `tests/bench/dist/bench`, where this runs.
const MAIN = new URL("../../../../server/bin/mofa-state.js", import.meta.url);
const ECHO = new URL("echo-server.js", import.meta.url);

/** What can be closed. */
export interface Closable {
  close(): unknown;
}

/** Where cases are measured: a backend, with a server on it and the echo beside it. */
export class Stage {
  readonly backend: DatabaseKind;
  readonly server: MeasuredServer;
  readonly echo: MeasuredServer;
  readonly #servers: ServerUrls;
  readonly #databaseUrl: string;
  readonly #opened: Opened;

  private constructor(props: StageProps) {
    this.backend = props.backend;
    this.server = props.server;
    this.echo = props.echo;
    this.#servers = props.servers;
    this.#databaseUrl = props.databaseUrl;
    this.#opened = props.opened;
  }

  /** Creates an empty database, and starts a server on it and an echo, both of them new. */
  static async open(backend: DatabaseKind, servers: ServerUrls): Promise<Stage> {
    const opened = new Opened();
    try {
      const database = await createEmptyDatabase(backend, servers);
      opened.add({ close: database.drop });
      const server = opened.add(await startServer(database.url));
      // An echo that ran for longer would have an advantage.
      const echo = opened.add(await MeasuredServer.start(ECHO));
      return new Stage({ backend, servers, server, echo, databaseUrl: database.url, opened });
    } catch (error) {
      await opened.close();
      throw error;
    }
  }

  /** Keeps something open for one case: it is closed when the case was measured. */
  keep<T extends Closable>(closable: T): T {
    return this.#opened.add(closable);
  }

  /** Opens a connection of its own to a server, for one case. */
  connect({ address }: MeasuredServer): GrpcClient {
    return this.keep(new GrpcClient(address));
  }

  /** Starts a second server on the same database, for one case. */
  async startAnother(args: readonly string[] = []): Promise<MeasuredServer> {
    return this.keep(await startServer(this.#databaseUrl, args));
  }

  /** Starts a new server on an empty database of its own, for one case. */
  async startAlone(): Promise<MeasuredServer> {
    const database = await createEmptyDatabase(this.backend, this.#servers);
    this.keep({ close: database.drop });
    return this.keep(await startServer(database.url));
  }

  /** Opens the database with its plain driver, for one case. */
  async openDriver(): Promise<Driver> {
    return this.keep(await openDriver(this.#databaseUrl));
  }

  /** Starts a new echo, for one case. */
  async startEcho(): Promise<MeasuredServer> {
    return this.keep(await MeasuredServer.start(ECHO));
  }

  /** Does something, and then closes what was opened for it. */
  async scope<T>(work: () => Promise<T>): Promise<T> {
    const openBefore = this.#opened.count;
    try {
      return await work();
    } finally {
      await this.#opened.close(openBefore);
    }
  }

  /** Ends the servers and drops the database. */
  close(): Promise<void> {
    return this.#opened.close();
  }
}

interface StageProps {
  readonly backend: DatabaseKind;
  readonly servers: ServerUrls;
  readonly server: MeasuredServer;
  readonly echo: MeasuredServer;
  readonly databaseUrl: string;
  readonly opened: Opened;
}

/** What was opened, to be closed in the opposite order. */
class Opened {
  readonly #closables: Closable[] = [];

  get count(): number {
    return this.#closables.length;
  }

  add<T extends Closable>(closable: T): T {
    this.#closables.push(closable);
    return closable;
  }

  /** Closes all but the first `keep`. */
  async close(keep = 0): Promise<void> {
    for (const closable of this.#closables.splice(keep).reverse()) await closable.close();
  }
}

function startServer(databaseUrl: string, args: readonly string[] = []): Promise<MeasuredServer> {
  const serve = ["serve", "--listen", "127.0.0.1:0", "--database", databaseUrl];
  return MeasuredServer.start(MAIN, [...serve, ...args]);
}
