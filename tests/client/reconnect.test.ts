import { createConnection, createServer, type Socket } from "node:net";
import { connect, type State } from "@mofa-state/client";
import { describe, expect, it, onTestFinished } from "vitest";
import { type Scripts, session, startScript } from "./scripted-server.js";

const id = "00000000-0000-7000-8000-000000000001";

/** How a connection ends: as when a process is killed, or when a network gives up. */
type Cut = "end" | "resetAndDestroy";

/** A connection that can be cut under its calls. */
interface Cuttable {
  readonly state: State;
  readonly cut: (how: Cut) => void;
}

async function connectCuttable(scripts: Scripts): Promise<Cuttable> {
  const [host, port] = (await startScript(scripts)).split(":");
  const sockets = new Set<Socket>();
  const proxy = createServer((near) => {
    const far = createConnection(Number(port), host);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => sockets.delete(socket));
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void proxy.close());
  const address = proxy.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");
  const state = await connect(`127.0.0.1:${address.port}`);
  onTestFinished(() => state.close());
  const cut = (how: Cut) => {
    for (const socket of sockets) socket[how]();
  };
  return { state, cut };
}

describe.each<Cut>(["end", "resetAndDestroy"])("a connection that is cut by %s", (how) => {
  it("has its calls repeated on a new one", async () => {
    let cut: Cuttable["cut"] = () => undefined;
    const getSession = (_: unknown, attempt: number) => {
      if (attempt > 3) return session();
      cut(how);
      return new Promise<Uint8Array>(() => undefined);
    };
    const connection = await connectCuttable({ unary: { getSession } });
    cut = connection.cut;

    await expect(connection.state.sessions.get(id)).resolves.toMatchObject({ id });
  });

  it("is made anew for the next call", async () => {
    const { state, cut } = await connectCuttable({ unary: { getSession: session } });
    await state.sessions.get(id);

    cut(how);

    await expect(state.sessions.get(id)).resolves.toMatchObject({ id });
  });
});
