import { createConnection, createServer, type Socket } from "node:net";
import { status } from "@grpc/grpc-js";
import { connect, type State } from "@mofa-state/client";
import { describe, expect, it, onTestFinished } from "vitest";
import { scriptPipeline, store } from "./scripted-pipeline.js";
import { type Scripts, session, startScript } from "./scripted-server.js";
import { batch, type Stream } from "./scripted-stream.js";
import { scriptWriting, takeAll } from "./scripted-writing.js";

const id = "00000000-0000-7000-8000-000000000001";
const NOT_FOUND = { code: status.NOT_FOUND, details: "none" };
const UNAVAILABLE = { code: status.UNAVAILABLE, details: "later" };
const NOBODY = "127.0.0.1:1";

/** Connects to servers of one group, in this order. */
async function connectToGroup(...scripts: readonly Scripts[]): Promise<State> {
  const addresses = await Promise.all(scripts.map((script) => startScript(script)));
  const state = await connect(addresses, { retry: { initialBackoffMs: 1, maxBackoffMs: 5 } });
  onTestFinished(() => state.close());
  return state;
}

/** Starts a way to a server whose first connection carries nothing. */
async function startSilentOnce(target: string): Promise<string> {
  const sockets: Socket[] = [];
  const server = createServer((near) => {
    const far = createConnection(Number(target.split(":")[1]), "127.0.0.1");
    if (sockets.length > 0) near.pipe(far).pipe(near);
    sockets.push(near, far);
    for (const socket of [near, far]) socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("it has no port");
  return `127.0.0.1:${address.port}`;
}

describe("connecting to a group", () => {
  it("takes the first server that answers", async () => {
    const address = await startScript({ unary: { getSession: session } });

    const state = await connect([NOBODY, address]);
    onTestFinished(() => state.close());

    await expect(state.sessions.get(id)).resolves.toMatchObject({ id });
  });

  it("gives up a connection that carries nothing, and makes another", async () => {
    const target = await startScript({ unary: { getSession: session } });
    const address = await startSilentOnce(target);

    const state = await connect([address]);
    onTestFinished(() => state.close());

    await expect(state.sessions.get(id)).resolves.toMatchObject({ id });
  });

  it("names all servers where none answers", async () => {
    const call = connect([NOBODY, "127.0.0.1:2"], { connectTimeoutMs: 50 });

    await expect(call).rejects.toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("127.0.0.1:1, 127.0.0.1:2"),
    });
  });

  it.each([[[]], [[NOBODY, ""]], [[5]]])("at %j is refused", async (addresses) => {
    await expect(connect(addresses as string[])).rejects.toMatchObject({
      code: "invalid_argument",
    });
  });
});

describe("a group of servers", () => {
  it("has its calls made on one, and on the next once that is unavailable", async () => {
    const calls: string[] = [];
    const answering = (name: string) => () => {
      calls.push(name);
      return session();
    };
    const first = (_: unknown, attempt: number) => {
      calls.push("first");
      if (attempt > 1) throw UNAVAILABLE;
      return session();
    };
    const state = await connectToGroup(
      { unary: { getSession: first } },
      { unary: { getSession: answering("second") } },
    );

    for (let call = 0; call < 3; call += 1) await state.sessions.get(id);

    expect(calls).toEqual(["first", "first", "second", "second"]);
  });

  it("moves on once, however many calls fail", async () => {
    const waiting: (() => void)[] = [];
    const calls: string[] = [];
    const together = async () => {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        if (waiting.length === 5) for (const go of waiting) go();
      });
      throw UNAVAILABLE;
    };
    const answering = (name: string) => () => {
      calls.push(name);
      return session();
    };
    const state = await connectToGroup(
      { unary: { getSession: together } },
      { unary: { getSession: answering("second") } },
      { unary: { getSession: answering("third") } },
    );

    await Promise.all(Array.from({ length: 5 }, () => state.sessions.get(id)));

    expect(calls).toEqual(Array(5).fill("second"));
  });

  it("is not moved back by a call that fails late", async () => {
    let fail = () => undefined as unknown;
    const calls: string[] = [];
    const first = async (_: unknown, attempt: number) => {
      if (attempt === 1) {
        await new Promise<void>((resolve) => {
          fail = resolve;
        });
      }
      throw UNAVAILABLE;
    };
    const second = () => {
      calls.push("second");
      throw UNAVAILABLE;
    };
    const third = () => {
      calls.push("third");
      return session();
    };
    const servers = [first, second, third].map((getSession) => ({ unary: { getSession } }));
    const state = await connectToGroup(...servers);

    const late = state.sessions.get(id);
    await state.sessions.get(id);
    fail();
    await late;

    expect(calls).toEqual(["second", "third", "third"]);
  });

  it("comes back to the first after the last", async () => {
    const getSession = (_: unknown, attempt: number) => {
      if (attempt === 1) throw UNAVAILABLE;
      return session();
    };
    const failing = () => {
      throw UNAVAILABLE;
    };
    const state = await connectToGroup(
      { unary: { getSession } },
      { unary: { getSession: failing } },
    );

    await expect(state.sessions.get(id)).resolves.toMatchObject({ id });
  });

  it("stays with a server whose errors are the caller's", async () => {
    const getSession = (_: unknown, attempt: number) => {
      if (attempt === 1) throw NOT_FOUND;
      return session();
    };
    const state = await connectToGroup({ unary: { getSession } }, {});

    await expect(state.sessions.get(id)).rejects.toMatchObject({ code: "not_found" });
    await expect(state.sessions.get(id)).resolves.toMatchObject({ id });
  });

  it("has its followers, writers and pipelines go on at the next server", async () => {
    const unary = { getSession: session };
    const broken = {
      unary,
      stream: (call: Stream) => call.emit("error", UNAVAILABLE),
      duplex: (call: { emit: (name: "error", error: object) => void }) =>
        call.emit("error", UNAVAILABLE),
    };
    const following = { unary, stream: (call: Stream) => call.write(batch("one", 1)) };
    const writing = scriptWriting(takeAll);
    const follower = await (await connectToGroup(broken, following)).sessions.get(id);
    const writer = await (await connectToGroup(broken, { ...writing, unary })).sessions.get(id);
    const appender = await connectToGroup(broken, scriptPipeline(store));

    const event = await follower.follow().next();
    const message = await writer.write({ role: "assistant" }).finish();
    const appended = await appender.pipeline().append(id, { role: "user" });

    expect(event.value).toMatchObject({ type: "message" });
    expect(message).toMatchObject({ status: "complete" });
    expect(appended).toMatchObject({ revision: 2 });
  });

  it("has a follower go on at the next server when one falls silent", async () => {
    let silentCount = 0;
    const unary = { getSession: session };
    const stream = () => {
      silentCount += 1;
    };
    const lively = { unary, stream: (call: Stream) => call.write(batch("one", 1)) };
    const state = await connectToGroup({ unary, stream }, lively);
    const follower = await state.sessions.get(id);

    const event = await follower.follow({ silenceMs: 500 }).next();

    expect(event.value).toMatchObject({ type: "message" });
    expect(silentCount).toBe(1);
  });

  it("is closed as a whole", async () => {
    const getSession = (_: unknown, attempt: number) => {
      if (attempt === 1) throw UNAVAILABLE;
      return session();
    };
    const state = await connectToGroup({ unary: { getSession } }, { unary: { getSession } });
    await state.sessions.get(id);

    await state.close();

    await expect(state.sessions.get(id)).rejects.toMatchObject({ code: "failed_precondition" });
  });
});
