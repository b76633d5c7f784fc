import { UsageError } from "../domain/usage-error.js";

/** How long to wait for a connection to a database's server, in milliseconds. */
export const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Names the database of a URL of a server without its credentials.
 *
 * @throws UsageError if the URL cannot be read.
 */
export function locateServer(url: string): string {
  try {
    const { protocol, host, pathname } = new URL(url);
    return `${protocol}//${host}${pathname}`;
  } catch {
    throw new UsageError(
      "the database URL cannot be read: write SCHEME://USER:PASSWORD@HOST:PORT/DATABASE, with special characters percent-encoded",
    );
  }
}
