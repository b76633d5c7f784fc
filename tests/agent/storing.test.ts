import { setImmediate } from "node:timers/promises";
import type { State } from "@mofa-state/client";
import type { ChatModel, LLMAgent } from "@mofa-state/client/agent";
import { expect, it } from "vitest";
import { shareServer } from "../api/shared-server.js";
import { collect } from "../support/collect.js";
import { describeDatabases } from "../support/databases.js";
import { agentOn, callsOf, stored } from "./agents.js";
import { gate } from "./gate.js";
import { toModel } from "./text-model.js";

const KIB = 1024;
const LIMIT = 64 * KIB;
const NEVER = new Promise(() => undefined);

/** A model that says texts, and then nothing more, or that it is fine if it is asked again. */
function startSilent(texts: readonly string[]): ChatModel & { readonly signals: AbortSignal[] } {
  const signals: AbortSignal[] = [];
  const { stream } = toModel(async function* (signal) {
    signals.push(signal);
    if (signals.length > 1) return yield "fine";
    yield* texts;
    await NEVER;
  });
  return { signals, stream };
}

/** Reads the first piece of an answer, which is deleted then while it is written. */
async function beginAndDelete(store: State, agent: LLMAgent): Promise<AsyncGenerator<string>> {
  const session = await store.sessions.get(agent.sessionId);
  const stream = agent.chatStream("Hi");
  await stream.next();
  await expect.poll(() => stored(store, session.id)).toHaveLength(2);
  const [, reply] = await agent.history();
  await session.deleteMessage(reply?.id ?? "");
  return stream;
}

describeDatabases("an answer whose storing fails", (database) => {
  const strict = shareServer(database, { limits: { maxRequestBytes: LIMIT } });

  it("ends the call to the model at once where it is refused", async () => {
    const store = await strict.connect();
    const model = startSilent(["a", "b", "c"].map((letter) => letter.repeat(LIMIT / 2)));
    const agent = await agentOn(store).withModel(model).build();

    const reply = agent.chat("Hi");
    await expect(reply).rejects.toMatchObject({ reason: "LIMIT_EXCEEDED" });
    const wanted = model.signals.map(({ aborted }) => !aborted);
    const [, left] = await agent.history();
    const next = await agent.chat("still there?");

    expect(wanted).toEqual([false]);
    expect(left).toMatchObject({ role: "assistant", status: "interrupted" });
    expect(next).toBe("fine");
    expect(await callsOf(store, agent.sessionId)).toMatchObject([
      { status: "failed", error: expect.stringContaining("could not be stored") },
      { status: "success" },
    ]);
  });

  it("ends the call to the model at once where somebody deletes it", async () => {
    const store = await strict.connect();
    const model = startSilent(["Hel"]);
    const agent = await agentOn(store).withModel(model).build();

    const stream = await beginAndDelete(store, agent);

    await expect(stream.next()).rejects.toMatchObject({ reason: "MESSAGE_DELETED" });
    expect(model.signals.map(({ aborted }) => aborted)).toEqual([true]);
    expect(await callsOf(store, agent.sessionId)).toMatchObject([{ status: "failed" }]);
    expect(await agent.chat("still there?")).toBe("fine");
  });
});

describeDatabases("an answer that is read slowly", (database) => {
  const server = shareServer(database);
  const piece = "x".repeat(32 * KIB);
  const most = (256 * KIB) / piece.length + 2;

  it("holds the model up, and comes whole", async () => {
    const store = await server.connect();
    const isAhead = gate();
    let said = 0;
    const model = toModel(async function* () {
      for (; said < 5 * most; said++) {
        if (said === most - 2) isAhead.open();
        yield piece;
      }
    });
    const agent = await agentOn(store).withModel(model).build();

    let read = 0;
    let ahead = 0;
    for await (const _ of agent.chatStream("Hi")) {
      read += 1;
      await isAhead.opened;
      await setImmediate();
      ahead = Math.max(ahead, said - read);
    }
    const [, reply] = await agent.history();

    expect(read).toBe(said);
    expect(ahead).toBeLessThanOrEqual(most);
    expect(reply).toMatchObject({ status: "complete", content: piece.repeat(said) });
  });

  it("ends at once where its caller leaves while the model is held up", async () => {
    const store = await server.connect();
    const isAhead = gate();
    let said = 0;
    let hasLeft = false;
    const model = toModel(async function* () {
      try {
        for (; said < 5 * most; said++) {
          if (said === most - 2) isAhead.open();
          yield piece;
        }
      } finally {
        hasLeft = true;
      }
    });
    const agent = await agentOn(store).withModel(model).build();

    for await (const _ of agent.chatStream("Hi")) {
      await isAhead.opened;
      await setImmediate();
      break;
    }
    const [, reply] = await agent.history();

    expect(hasLeft).toBe(true);
    expect(said).toBeLessThanOrEqual(most);
    expect(reply).toMatchObject({ status: "interrupted", content: piece });
  });

  it("ends at once where somebody deletes it while the model is held up", async () => {
    const store = await server.connect();
    const model = startSilent(Array.from({ length: 5 * most }, () => piece));
    const agent = await agentOn(store).withModel(model).build();

    const stream = await beginAndDelete(store, agent);
    await expect
      .poll(() => callsOf(store, agent.sessionId), { timeout: 10_000 })
      .toMatchObject([{ status: "failed" }]);

    await expect(collect(stream)).rejects.toMatchObject({ reason: "MESSAGE_DELETED" });
  });
});
