import { once } from "node:events";
import { lstat, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { formatListenAddress, type ListenAddress } from "./listen-address.js";

/** A place where connections are accepted. */
export interface Listener {
  /** Where it is, with the port that was chosen if 0 was asked for. */
  readonly address: ListenAddress;

  /**
   * Accepts no more connections, removes a Unix socket's file, and returns when the
   * connections that there are have ended: those that are left after `graceMs` are cut.
   */
  close(graceMs: number): Promise<void>;
}

/**
 * Listens on an address. The file of a Unix socket on which nobody listens is replaced.
 *
 * @throws Error with a sentence that says what to do, if the address cannot be had.
 */
export async function openListener(
  address: ListenAddress,
  onConnection: (socket: Socket) => void,
): Promise<Listener> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    onConnection(socket);
  });
  try {
    await listen(server, address);
  } catch (error) {
    if (!(await removeLeftBehind(address, error))) throw refusal(address, error);
    await listen(server, address).catch((again: unknown) => {
      throw refusal(address, again);
    });
  }
  return { address: bound(server, address), close: (graceMs) => close(server, sockets, graceMs) };
}

async function listen(server: Server, address: ListenAddress): Promise<void> {
  if (address.kind === "unix") server.listen({ path: address.path });
  else server.listen({ host: address.host, port: address.port });
  await once(server, "listening");
}

function bound(server: Server, address: ListenAddress): ListenAddress {
  const actual = server.address();
  if (address.kind === "unix" || actual === null || typeof actual === "string") return address;
  return { ...address, port: actual.port };
}

async function close(server: Server, sockets: ReadonlySet<Socket>, graceMs: number): Promise<void> {
  const closed = once(server, "close");
  server.close();
  const timer = setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, graceMs);
  await closed;
  clearTimeout(timer);
}

/** Removes the file of a socket whose server did not end well, and says whether it did. */
async function removeLeftBehind(address: ListenAddress, error: unknown): Promise<boolean> {
  if (address.kind === "tcp" || codeOf(error) !== "EADDRINUSE") return false;
  const file = await lstat(address.path);
  if (!file.isSocket() || (await isAnswered(address.path))) return false;
  await rm(address.path, { force: true });
  return true;
}

async function isAnswered(path: string): Promise<boolean> {
  const socket = connect(path);
  try {
    await once(socket, "connect");
    return true;
  } catch (error) {
    return codeOf(error) !== "ECONNREFUSED";
  } finally {
    socket.destroy();
  }
}

const ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: "it is in use; stop the process that has it, or choose another address",
  EACCES: "this user may not, or the directory does not exist; choose another address",
  EADDRNOTAVAIL: "this machine does not have that address; choose one of its own",
  ENOTFOUND: "the host name is not known; give an IP address",
  EINVAL: "the system does not take the address; a socket's path must be short",
};

function refusal(address: ListenAddress, cause: unknown): Error {
  const code = codeOf(cause);
  const advice = ADVICE[code] ?? `the system refuses it (${code}); choose another address`;
  return new Error(`cannot listen on ${formatListenAddress(address)}: ${advice}`, { cause });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown";
}
