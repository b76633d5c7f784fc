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

/** A connection, as far as it is kept or not. */
export interface KeptConnection {
  /** How many streams are open. */
  readonly streamCount: number;
  /** Asks the client whether it is still there. */
  ping(): void;
  /** Tells the client to begin no more streams, and ends with the last one. */
  drain(): void;
  /** Cuts the connection. */
  destroy(): void;
}

/** Cuts a connection whose client does not answer any more, and ends one that has had no calls for long. */
export class KeepAlive {
  readonly #connection: KeptConnection;
  readonly #times: ConnectionTimes;
  readonly #idleTimer: NodeJS.Timeout;
  #pingTimer: NodeJS.Timeout | undefined;

  constructor(connection: KeptConnection, times: ConnectionTimes) {
    this.#connection = connection;
    this.#times = times;
    this.#idleTimer = setTimeout(() => this.#endIfIdle(), times.maxIdleMs).unref();
    this.#pingLater();
  }

  /** A stream is over. */
  onStreamClosed(): void {
    this.#idleTimer.refresh();
  }

  /** The client has answered a ping. */
  onPong(): void {
    clearTimeout(this.#pingTimer);
    this.#pingLater();
  }

  /** The connection is over. */
  stop(): void {
    clearTimeout(this.#idleTimer);
    clearTimeout(this.#pingTimer);
  }

  #endIfIdle(): void {
    if (this.#connection.streamCount === 0) this.#connection.drain();
  }

  #pingLater(): void {
    this.#pingTimer = setTimeout(() => this.#ping(), this.#times.pingEveryMs).unref();
  }

  #ping(): void {
    this.#pingTimer = setTimeout(
      () => this.#connection.destroy(),
      this.#times.pingTimeoutMs,
    ).unref();
    this.#connection.ping();
  }
}
