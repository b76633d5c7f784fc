import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

const ANY_PORT = /^(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[^:[\]]+)):0$/;

/**
 * Gives where to listen with a port that is free now, where any port would do: when all workers
 * have ended at once, those that take their place must not be given another one. Until the first
 * worker listens, nobody holds it.
 */
export async function withFixedPort(listen: string): Promise<string> {
  const groups = ANY_PORT.exec(listen)?.groups;
  const host = groups?.bracketed ?? groups?.plain;
  if (host === undefined) return listen;
  const server = createServer().listen({ host, port: 0 });
  try {
    await once(server, "listening");
  } catch {
    // The first worker says what is wrong with it.
    return listen;
  }
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return `${listen.slice(0, listen.lastIndexOf(":"))}:${port}`;
}
