import type { Socket } from "node:net";
import { type ConnectionListener, Http2Connection } from "./connection.js";
import { type ConnectionTimes, KeepAlive } from "./keep-alive.js";

/** Whom the connections tell what their clients do. */
export type ConnectionsListener = Pick<ConnectionListener, "onStream" | "onDefect">;

/** The connections of all clients. */
export class Connections {
  readonly #times: ConnectionTimes;
  readonly #listener: ConnectionsListener;
  readonly #connections = new Set<Http2Connection>();
  #isDraining = false;

  constructor(times: ConnectionTimes, listener: ConnectionsListener) {
    this.#times = times;
    this.#listener = listener;
  }

  /** Speaks with the client of a connection that has been accepted. */
  accept(socket: Socket): void {
    const connection: Http2Connection = new Http2Connection(socket, {
      onStream: (stream, headers) => this.#listener.onStream(stream, headers),
      onDefect: (error) => this.#listener.onDefect(error),
      onStreamClosed: () => keepAlive.onStreamClosed(),
      onPong: () => keepAlive.onPong(),
      onClosed: () => {
        keepAlive.stop();
        this.#connections.delete(connection);
      },
    });
    const keepAlive = new KeepAlive(connection, this.#times);
    this.#connections.add(connection);
    if (this.#isDraining) connection.drain();
  }

  /** Tells all clients to begin no more streams here; each connection ends with its last one. */
  drain(): void {
    this.#isDraining = true;
    for (const connection of this.#connections) connection.drain();
  }
}
