import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import { Connection, type ConnectionTimes } from "./connection.js";

/** How many calls of one connection may be under way at the same time. */
const MAX_CALLS = 1_000;

/** How much clients may send on one connection before they hear that it has come. */
const CONNECTION_WINDOW_BYTES = 1024 * 1024;

/** Is called for each call that a client begins. */
export type CallListener = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** The connections of all clients, by HTTP/2 without TLS. */
export class Connections {
  readonly #server: Http2Server;
  readonly #connections = new Set<Connection>();

  constructor(times: ConnectionTimes, onCall: CallListener) {
    this.#server = createServer({
      settings: { maxConcurrentStreams: MAX_CALLS },
      // Where it is reached, Node refuses streams one after the other: the calls bound themselves.
      maxSessionMemory: Number.MAX_SAFE_INTEGER,
    });
    this.#server.on("stream", onCall);
    this.#server.on("session", (session) => {
      const connection = new Connection(session, times);
      this.#connections.add(connection);
      session.once("close", () => this.#connections.delete(connection));
      session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    });
  }

  /** Speaks with the client of a connection that has been accepted. */
  accept(socket: Socket): void {
    this.#server.emit("connection", socket);
  }

  /** Tells all clients to begin no more calls here; each connection ends with its last call. */
  drain(): void {
    for (const connection of this.#connections) connection.drain();
  }
}
