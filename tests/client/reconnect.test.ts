import { createConnection, createServer, type Socket } from "node:net";
import type { ServerWritableStream } from "@grpc/grpc-js";
import { connect, type State } from "@mofa-state/client";
import { MessageService } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { describe, expect, it, onTestFinished } from "vitest";
import { collect } from "../support/collect.js";
import { encoded, type Scripts, session, startScript } from "./scripted-server.js";

const id = "00000000-0000-7000-8000-000000000001";

/**
 * How a connection ends: as when a process is killed, when a network gives up, or when it
 * carries nothing any more and says so to nobody.
 */
type Cut = "end" | "resetAndDestroy" | "silence";

/** A connection that can be cut under its calls. */
interface Cuttable {
  readonly state: State;
  readonly cut: (how: Cut) => void;
}

function silence(socket: Socket): void {
  socket.unpipe();
  socket.resume();
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
    for (const socket of sockets) {
      if (how === "silence") silence(socket);
      else socket[how]();
    }
  };
  return { state, cut };
}

describe.each<"end" | "resetAndDestroy">(["end", "resetAndDestroy"])(
  "a connection that is cut by %s",
  (how) => {
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
  },
);

describe("a connection that carries nothing any more", () => {
  it("has its streams resumed on a new one before the time for the next frame is over", async () => {
    let cut: Cuttable["cut"] = () => undefined;
    const { output } = MessageService.method.streamMessages;
    const frame = { case: "caughtUp", value: {} } as const;
    const stream = (call: ServerWritableStream<Buffer, Buffer>, attempt: number) => {
      if (attempt === 1) return cut("silence");
      call.write(encoded(output, { resumeToken: "end", frame }));
      call.end();
    };
    const connection = await connectCuttable({ unary: { getSession: session }, stream });
    cut = connection.cut;
    const scripted = await connection.state.sessions.get(id);

    const frames = await collect(scripted.messageFrames());

    expect(frames).toMatchObject([{ resumeToken: "end" }]);
  });
});
