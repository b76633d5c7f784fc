import type { ServerHttp2Session } from "node:http2";

/** How long connections are kept, in milliseconds. */
export interface ConnectionTimes {
  /** How long after an answer a client is asked again whether it is still there. */
  readonly pingEveryMs: number;
  /** How long it may take to answer that. */
  readonly pingTimeoutMs: number;
  /** How long a connection is kept without calls. */
  readonly maxIdleMs: number;
}

/** How long connections are kept unless somebody says otherwise. */
export const CONNECTION_TIMES: ConnectionTimes = {
  pingEveryMs: 30_000,
  pingTimeoutMs: 10_000,
  maxIdleMs: 5 * 60_000,
};

/**
 * The connection of one client. It is cut when the client does not answer any more, and told to
 * end when it has had no calls for long.
 */
export class Connection {
  readonly #session: ServerHttp2Session;
  readonly #times: ConnectionTimes;
  #calls = 0;
  readonly #idleTimer: NodeJS.Timeout;
  #pingTimer: NodeJS.Timeout | undefined;
  readonly #callEnded = () => {
    this.#calls -= 1;
    this.#idleTimer.refresh();
  };

  constructor(session: ServerHttp2Session, times: ConnectionTimes) {
    this.#session = session;
    this.#times = times;
    this.#idleTimer = setTimeout(() => this.#endIfIdle(), times.maxIdleMs).unref();
    this.#pingLater();
    session.once("close", () => {
      clearTimeout(this.#idleTimer);
      clearTimeout(this.#pingTimer);
    });
    session.on("stream", (stream) => {
      this.#calls += 1;
      stream.once("close", this.#callEnded);
    });
  }

  /** Tells the client to begin no more calls here, and ends when those that there are have ended. */
  drain(): void {
    if (!this.#session.closed) this.#session.close();
  }

  #endIfIdle(): void {
    if (this.#calls === 0) this.drain();
  }

  #pingLater(): void {
    this.#pingTimer = setTimeout(() => this.#ping(), this.#times.pingEveryMs).unref();
  }

  #ping(): void {
    // On one that ends with its last call, Node sends no pings, and says that they fail.
    if (this.#session.closed || this.#session.destroyed) return;
    const { pingTimeoutMs } = this.#times;
    this.#pingTimer = setTimeout(() => this.#session.destroy(), pingTimeoutMs).unref();
    const isSent = this.#session.ping((error) => {
      clearTimeout(this.#pingTimer);
      if (error === null) this.#pingLater();
      else this.#session.destroy();
    });
    if (!isSent) this.#session.destroy();
  }
}
