import { UsageError } from "../domain/usage-error.js";

/** Where a server listens: a TCP port, 0 for any free one, or a Unix socket. */
export type ListenAddress =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

const UNIX_PREFIX = "unix:";
const HOST_AND_PORT = /^(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[^:[\]]+)):(?<port>\d{1,5})$/;
const MAX_PORT = 65_535;

/** The longest path that every system takes; longer ones are cut without a word. */
const MAX_UNIX_PATH_BYTES = 103;

/**
 * Reads an address as the command takes it: `HOST:PORT`, `[IPV6]:PORT` or `unix:/path`.
 *
 * @throws UsageError if it is none of these.
 */
export function parseListenAddress(text: string): ListenAddress {
  if (text.startsWith(UNIX_PREFIX) && text.length > UNIX_PREFIX.length) {
    return { kind: "unix", path: readPath(text.slice(UNIX_PREFIX.length)) };
  }
  const groups = HOST_AND_PORT.exec(text)?.groups;
  const host = groups?.bracketed ?? groups?.plain;
  const port = Number(groups?.port);
  if (host === undefined || port > MAX_PORT) {
    throw new UsageError(`cannot listen on "${text}": give HOST:PORT, [IPV6]:PORT or unix:/path`);
  }
  return { kind: "tcp", host, port };
}

function readPath(path: string): string {
  if (Buffer.byteLength(path) <= MAX_UNIX_PATH_BYTES) return path;
  throw new UsageError(
    `cannot listen on "unix:${path}": the path of a Unix socket has at most ${MAX_UNIX_PATH_BYTES} bytes`,
  );
}

/** Writes an address in the form that it is read from, which clients take as well. */
export function formatListenAddress(address: ListenAddress): string {
  if (address.kind === "unix") return `${UNIX_PREFIX}${address.path}`;
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}
