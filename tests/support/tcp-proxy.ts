import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** A connection through the proxy: the client's half, and the server's. */
interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

/**
 * A place on 127.0.0.1 that passes its connections on to a server, and does to them what
 * networks do.
 */
export class TcpProxy {
  /** Where it listens, as a client takes it. */
  readonly address: string;
  readonly #listener: Server;
  readonly #pairs = new Set<Pair>();
  readonly #target: { readonly host: string; readonly port: number };
  #swallows = false;
  #accepted = 0;

  private constructor(listener: Server, port: number, target: URL) {
    this.address = `127.0.0.1:${port}`;
    this.#listener = listener;
    this.#target = { host: target.hostname, port: Number(target.port) };
    listener.on("connection", (client) => this.#accept(client));
  }

  /** Starts a proxy for the server at an address; it closes when the test ends. */
  static async start(address: string): Promise<TcpProxy> {
    const listener = createServer().listen(0, "127.0.0.1");
    await once(listener, "listening");
    const bound = listener.address();
    if (bound === null || typeof bound === "string") throw new Error("the proxy has no port");
    const proxy = new TcpProxy(listener, bound.port, new URL(`http://${address}`));
    onTestFinished(() => proxy.close());
    return proxy;
  }

  /** How many connections it has taken. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Breaks every connection at both ends, as a router does that forgot them; new ones pass. */
  reset(): void {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
  }

  /**
   * Lets every connection stand, and nothing through it any more; so it is with new ones,
   * until {@link pass}. What is swallowed once stays so.
   */
  swallow(): void {
    this.#swallows = true;
    for (const pair of this.#pairs) silence(pair);
  }

  /** Passes new connections on again. */
  pass(): void {
    this.#swallows = false;
  }

  /** Breaks every connection, and takes no new one until {@link listen}. */
  async refuse(): Promise<void> {
    const closed = once(this.#listener, "close");
    this.#listener.close();
    this.reset();
    await closed;
  }

  /** Takes connections again, at the same address. */
  async listen(): Promise<void> {
    const { port } = new URL(`http://${this.address}`);
    this.#listener.listen(Number(port), "127.0.0.1");
    await once(this.#listener, "listening");
  }

  /** Breaks every connection, and takes no new one. */
  async close(): Promise<void> {
    if (this.#listener.listening) await this.refuse();
    this.reset();
  }

  #accept(client: Socket): void {
    this.#accepted += 1;
    const pair = { client, server: connect(this.#target) };
    this.#pairs.add(pair);
    link(pair.client, pair.server, () => this.#pairs.delete(pair));
    link(pair.server, pair.client, () => this.#pairs.delete(pair));
    if (this.#swallows) silence(pair);
  }
}

function link(from: Socket, to: Socket, onClose: () => void): void {
  from.setNoDelay(true);
  from.pipe(to);
  // An error is followed by "close", which says all there is to do.
  from.on("error", () => undefined);
  from.on("close", () => {
    to.destroy();
    onClose();
  });
}

/** Reads on, so that both ends believe that they are heard. */
function silence({ client, server }: Pair): void {
  for (const socket of [client, server]) {
    socket.unpipe();
    socket.resume();
  }
}
