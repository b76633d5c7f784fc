import { State } from "./state.js";
import type { ConnectionOptions } from "./transport/channel.js";
import { Endpoints } from "./transport/endpoints.js";
import { Transport, type TransportSettings } from "./transport/transport.js";

/** How to connect. */
export interface ConnectOptions extends ConnectionOptions, TransportSettings {
  /** Called once when the connection is closed; `close` waits for it. */
  readonly onClose?: (() => Promise<void>) | undefined;
}

/**
 * Connects to a MoFA State server: `localhost:50051`, or `unix:/path/to/socket`.
 *
 * Several addresses are the servers of one group, on one database. One of them is used at
 * a time; when it is `unavailable`, or the connection to it is lost, the next is.
 *
 * It waits until one server can be reached. Later the connection is made anew whenever
 * it breaks.
 *
 * @throws StateError `unavailable` if there is no server within `connectTimeoutMs`.
 * @throws StateError `invalid_argument` if an option cannot be used.
 *
 * @example
 * const state = await connect("localhost:50051");
 *
 * @example
 * const state = await connect(["10.0.0.1:50051", "10.0.0.2:50051"]);
 */
export async function connect(
  address: string | readonly string[],
  options: ConnectOptions = {},
): Promise<State> {
  const endpoints = new Endpoints(address, options);
  try {
    const transport = new Transport(endpoints, options);
    await endpoints.connect(options);
    return new State(transport, options.onClose);
  } catch (error) {
    endpoints.close();
    throw error;
  }
}
