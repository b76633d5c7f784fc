import { setImmediate } from "node:timers/promises";
import { StateError } from "@mofa-state/client";
import { type ChatModel, type LLMAgent, ModelError } from "@mofa-state/client/agent";
import { expect, it } from "vitest";
import { shareServer } from "../api/shared-server.js";
import { collect } from "../support/collect.js";
import { describeDatabases } from "../support/databases.js";
import { agentOn, callsOf, stored } from "./agents.js";
import { gate } from "./gate.js";
import { type Answer, startModelServer } from "./model-server.js";
import { MOMENTS, pass } from "./moments.js";
import { toModel } from "./text-model.js";

const PATIENCE_MS = 60_000;
const NEVER = new Promise(() => undefined);
const SILENCE_MS = 1_000;
const NOW = { name: "now", description: "", parameters: {}, run: () => "now" };

/** How long a model may be silent: for ever, nearly, unless that is how it fails. */
const patienceFor = (status: string) => (status === "timeout" ? SILENCE_MS : PATIENCE_MS);

/** Ways in which a model fails, and how that is recorded. */
const FAILURES = [
  ["failed", { end: "broken off" }],
  ["failed", { end: "cut short" }],
  ["timeout", { end: "silence" }],
  ["rate_limited", { end: "rate limit" }],
] as const;

/** Reads the first piece, and then no more. */
async function readFirst(agent: LLMAgent): Promise<AsyncGenerator<string, void>> {
  const stream = agent.chatStream("Hi");
  await stream.next();
  return stream;
}

describeDatabases("a turn that ends early", (database) => {
  const server = shareServer(database);

  async function start(answers: readonly Answer[], timeoutMs = PATIENCE_MS) {
    const store = await server.connect();
    const models = await startModelServer(answers);
    const agent = await agentOn(store).withModel(models.model({ timeoutMs })).build();
    return { store, agent, id: agent.sessionId, ...models };
  }

  it.each([
    ["while the model is at it", { texts: ["Hel"], until: NEVER }],
    ["when the model was faster", { texts: ["Hel", "lo"] }],
  ])("because the caller left is kept as far as it came, %s", async (_, answer) => {
    const { store, agent, id, asked } = await start([answer, { texts: ["fine"] }]);

    for await (const piece of agent.chatStream("Hi")) {
      expect(piece).toBe("Hel");
      break;
    }
    const left = await stored(store, id);
    const [call, ...more] = await callsOf(store, id);
    const reply = await agent.chat("still there?");

    expect(left).toEqual(["user: Hi", "assistant: Hel (interrupted)"]);
    expect(call).toMatchObject({ status: "cancelled" });
    expect(more).toEqual([]);
    expect(reply).toBe("fine");
    expect(asked.at(-1)?.messages.map(({ content }) => content)).toEqual([
      "Hi",
      "Hel",
      "still there?",
    ]);
  });

  it("because the caller left in a later step is kept as far as it came", async () => {
    const store = await server.connect();
    const said = gate();
    const model: ChatModel = {
      async *stream({ messages }) {
        const isFirst = messages.at(-1)?.role === "user";
        yield { type: "text", text: isFirst ? "Let me see. " : "Hel" };
        if (isFirst) yield { type: "tool_call", id: "c1", name: "now", arguments: "{}" };
        else yield { type: "text", text: "lo" };
        if (!isFirst) said.open();
      },
    };
    const agent = await agentOn(store).withModel(model).withTools([NOW]).build();

    for await (const piece of agent.chatStream("Hi")) {
      if (piece !== "Hel") continue;
      await said.opened;
      await setImmediate();
      break;
    }

    expect(await stored(store, agent.sessionId)).toEqual([
      "user: Hi",
      "assistant: Let me see. ",
      "tool: ",
      "assistant: Hel (interrupted)",
    ]);
  });

  it("because the caller left is kept as far as it came, at any moment of the next piece", async () => {
    const store = await server.connect();
    for (let moment = 0; moment < MOMENTS; moment++) {
      const read = gate();
      const model = toModel(async function* () {
        yield "Hel";
        await read.opened;
        yield "lo";
        await NEVER;
      });
      const agent = await agentOn(store).withModel(model).build();

      for await (const _ of agent.chatStream("Hi")) {
        read.open();
        await pass(moment);
        break;
      }

      expect((await agent.history())[1]).toMatchObject({ content: "Hel", status: "interrupted" });
    }
  });

  it("because its signal was aborted is kept as far as it came", async () => {
    const { store, agent, id } = await start([{ texts: ["Hel"], until: NEVER }]);
    const stop = new AbortController();

    const stream = agent.chatStream("Hi", { signal: stop.signal });
    await stream.next();
    stop.abort();
    const next = stream.next();

    await expect(next).rejects.toMatchObject({ code: "cancelled" });
    expect(await stored(store, id)).toEqual(["user: Hi", "assistant: Hel (interrupted)"]);
    expect(await callsOf(store, id)).toMatchObject([{ status: "cancelled" }]);
  });

  it("before any text because its signal was aborted has no reply", async () => {
    const { store, agent, id, asked } = await start([{ after: NEVER }]);
    const stop = new AbortController();

    const reply = agent.chat("Hi", { signal: stop.signal });
    await Promise.all([
      expect(reply).rejects.toBeInstanceOf(StateError),
      expect
        .poll(() => asked.length)
        .toBe(1)
        .then(() => stop.abort()),
    ]);

    expect(await stored(store, id)).toEqual(["user: Hi"]);
    expect(await callsOf(store, id)).toMatchObject([{ status: "cancelled" }]);
  });

  it.each([
    { raw: { error: { message: "overloaded" } }, status: "failed" },
    { raw: { object: "error", message: "overloaded", code: 429 }, status: "rate_limited" },
    { raw: { detail: "overloaded" }, status: "failed" },
  ] as const)("because the model sends %j tells what it says", async ({ raw, status }) => {
    const { store, agent, id } = await start([{ texts: ["Hel"], raw }]);

    await expect(agent.chat("Hi")).rejects.toMatchObject({ status, message: "overloaded" });

    expect(await stored(store, id)).toEqual(["user: Hi", "assistant: Hel (interrupted)"]);
    expect(await callsOf(store, id)).toMatchObject([{ status, error: "overloaded" }]);
  });

  it.each(FAILURES)("because the model %s is kept, and its caller told", async (status, ending) => {
    const read = gate();
    const answer = { texts: ["Hel"], until: read.opened, ...ending };
    const { store, agent, id } = await start([answer], patienceFor(status));

    const pieces: string[] = [];
    const failure = await (async () => {
      for await (const piece of agent.chatStream("Hi")) {
        pieces.push(piece);
        read.open();
      }
    })().catch((error: unknown) => error);
    const [question] = await agent.history();
    const [call, ...more] = await callsOf(store, id);

    expect(failure).toBeInstanceOf(ModelError);
    expect(failure).toMatchObject({ status });
    expect(pieces).toEqual(["Hel"]);
    expect(await stored(store, id)).toEqual(["user: Hi", "assistant: Hel (interrupted)"]);
    expect(call).toMatchObject({ status, requestMessageId: question?.id });
    expect(more).toEqual([]);
    if (status === "timeout") expect(call?.latencyMs).toBeGreaterThanOrEqual(SILENCE_MS - 1);
  });

  it.each(FAILURES)(
    "because the model %s is kept also if nobody reads on",
    async (status, ending) => {
      const read = gate();
      const answer = { texts: ["Hel"], until: read.opened, ...ending };
      const { store, agent, id } = await start([answer], patienceFor(status));

      const stream = await readFirst(agent);
      read.open();
      await expect.poll(() => callsOf(store, id), { timeout: 10_000 }).toMatchObject([{ status }]);

      expect(await stored(store, id)).toEqual(["user: Hi", "assistant: Hel (interrupted)"]);
      await expect(stream.next()).rejects.toMatchObject({ status });
    },
  );

  it("is complete if nobody reads on, but the model said everything", async () => {
    const { store, agent, id } = await start([{ texts: ["Hel", "lo"] }, { texts: ["more"] }]);

    await readFirst(agent);
    const reply = await agent.chat("and?");

    expect(reply).toBe("more");
    expect((await stored(store, id))[1]).toBe("assistant: Hello");
  });

  it.each([
    ["rate_limited", 429],
    ["timeout", 504],
    ["failed", 400],
  ] as const)("before any text, as %s, has no reply", async (expected, code) => {
    const { store, agent, id } = await start([{ status: code }]);

    await expect(agent.chat("Hi")).rejects.toMatchObject({ status: expected });

    expect(await stored(store, id)).toEqual(["user: Hi"]);
    expect(await callsOf(store, id)).toMatchObject([
      { status: expected, responseMessageId: undefined, timeToFirstTokenMs: undefined },
    ]);
  });

  it.each([
    ["returns", (stream: AsyncGenerator) => stream.return(undefined)],
    ["throws", (stream: AsyncGenerator) => stream.throw(new Error("gone")).catch(() => undefined)],
  ])("at once where its reader %s while it waits for more", async (_, leave) => {
    const { store, agent, id } = await start([
      { texts: ["Hel"], until: NEVER },
      { texts: ["fine"] },
    ]);
    const stream = agent.chatStream("Hi");
    await stream.next();

    const next = stream.next();
    await leave(stream);

    expect(await next).toEqual({ done: true, value: undefined });
    expect(await stored(store, id)).toEqual(["user: Hi", "assistant: Hel (interrupted)"]);
    expect(await agent.chat("again")).toBe("fine");
  });

  it("can be gone on with though it was cut off more than once", async () => {
    const { store, agent, id } = await start([
      { texts: ["Hel"], end: "cut short" },
      { texts: ["Hell"], end: "cut short" },
      { texts: ["Hello"] },
    ]);
    await expect(agent.chat("Hi")).rejects.toMatchObject({ status: "failed" });
    await expect(collect(agent.resume())).rejects.toMatchObject({ status: "failed" });
    const pieces = await collect(agent.resume());

    expect(pieces).toEqual(["Hello"]);
    expect((await stored(store, id)).at(-1)).toBe("assistant: Hello");
  });
});
