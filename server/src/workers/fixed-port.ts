import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { formatListenAddress, parseListenAddress } from "../rpc/listen-address.js";

/**
 * Gives where to listen with a port that is free now, where any port would do: when all workers
 * have ended at once, those that take their place must not be given another one. Until the first
 * worker listens, nobody holds it.
 *
 * @throws UsageError if it is no address.
 */
export async function withFixedPort(listen: string): Promise<string> {
  const address = parseListenAddress(listen);
  if (address.kind !== "tcp" || address.port !== 0) return listen;
  const server = createServer().listen({ host: address.host, port: 0 });
  try {
    await once(server, "listening");
  } catch {
    // The first worker says what is wrong with it.
    return listen;
  }
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return formatListenAddress({ ...address, port });
}
