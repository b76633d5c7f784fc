import { State } from "./state.js";
import { type ConnectionOptions, createClient, waitForServer } from "./transport/channel.js";
import { Transport, type TransportSettings } from "./transport/transport.js";

/** How to connect. */
export interface ConnectOptions extends ConnectionOptions, TransportSettings {}

/**
 * Connects to a MoFA State server: `localhost:50051`, or `unix:/path/to/socket`.
 *
 * It waits until the server can be reached. Later the connection is made anew whenever
 * it breaks.
 *
 * @throws StateError `unavailable` if there is no server within `connectTimeoutMs`.
 * @throws StateError `invalid_argument` if an option cannot be used.
 *
 * @example
 * const state = await connect("localhost:50051");
 */
export async function connect(address: string, options: ConnectOptions = {}): Promise<State> {
  const client = createClient(address, options);
  try {
    const transport = new Transport(client, options);
    await waitForServer(client, address, options);
    return new State(transport);
  } catch (error) {
    client.close();
    throw error;
  }
}
