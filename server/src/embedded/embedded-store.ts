import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConnectOptions, connect, type State } from "@mofa-state/client";
import { UsageError } from "../domain/usage-error.js";
import { startServer } from "../server.js";

/** How to connect to a store; `tenantId` and the like, as `connect` of the client has them. */
export type StoreOptions = Omit<ConnectOptions, "onClose" | "tls">;

/**
 * Starts a server in this process, on a socket that only this user can reach, and connects
 * to it. Closing the connection ends the server; until then the process does not end by itself.
 *
 * @throws UsageError if the URL does not begin with one of `schemes`.
 * @throws StateError `unavailable` if the database cannot be reached.
 */
export async function connectToEmbedded(
  url: string,
  schemes: readonly string[],
  options: StoreOptions,
): Promise<State> {
  if (!schemes.some((scheme) => url.startsWith(scheme))) {
    throw new UsageError(`this store's URL begins with ${schemes.join(" or ")}`);
  }
  const place = await makePlace();
  try {
    const server = await startServer({ database: url, listen: place.listen });
    const close = async () => {
      try {
        await server.close();
      } finally {
        await place.remove();
      }
    };
    try {
      return await connect(server.address, { ...options, onClose: close });
    } catch (error) {
      await close();
      throw error;
    }
  } catch (error) {
    await place.remove();
    throw error;
  }
}

/** Where a server of this process listens. */
async function makePlace(): Promise<{ readonly listen: string; remove(): Promise<void> }> {
  // Where there are no Unix sockets, the port is open to the other users of the machine.
  if (process.platform === "win32") return { listen: "127.0.0.1:0", async remove() {} };
  const directory = await mkdtemp(join(tmpdir(), "mofa-state-"));
  const removeNow = () => rmSync(directory, { recursive: true, force: true });
  process.once("exit", removeNow);
  return {
    listen: `unix:${join(directory, "socket")}`,
    async remove() {
      process.off("exit", removeNow);
      await rm(directory, { recursive: true, force: true });
    },
  };
}
