import { setImmediate } from "node:timers/promises";
import type { ChatModel, Tool } from "@mofa-state/client/agent";
import { expect, it } from "vitest";
import { shareServer } from "../api/shared-server.js";
import { describeDatabases } from "../support/databases.js";
import { agentOn, callsOf } from "./agents.js";
import { gate } from "./gate.js";
import { type Answer, startModelServer } from "./model-server.js";
import { MOMENTS, pass } from "./moments.js";
import { watchRejections } from "./rejections.js";
import { toModel } from "./text-model.js";

const NEVER = new Promise<string>(() => undefined);

function toolOf(name: string, run: Tool["run"]): Tool {
  return { name, description: "", parameters: { type: "object" }, run };
}

function callOf(id: string, name: string) {
  return { id, name, arguments: "{}" };
}

describeDatabases("a turn whose signal is aborted", (database) => {
  const server = shareServer(database);

  async function start(answers: readonly Answer[], tools: readonly Tool[]) {
    const store = await server.connect();
    const { model, asked } = await startModelServer(answers);
    const agent = await agentOn(store).withModel(model()).withTools(tools).build();
    return { store, agent, asked, unhandled: watchRejections() };
  }

  it("during a tool keeps the results that there are", async () => {
    const running = gate();
    const tools = [
      toolOf("fast", () => "done"),
      toolOf("slow", () => {
        running.open();
        return NEVER;
      }),
    ];
    const calls = [callOf("c1", "fast"), callOf("c2", "slow")];
    const { agent, asked, unhandled } = await start([{ calls }, { texts: ["fine"] }], tools);
    const stop = new AbortController();

    const reply = agent.chat("Hi", { signal: stop.signal });
    await Promise.all([
      expect(reply).rejects.toMatchObject({ code: "cancelled" }),
      running.opened.then(() => setImmediate()).then(() => stop.abort()),
    ]);
    const history = await agent.history();
    const next = await agent.chat("still there?");

    expect(history.map(({ role }) => role)).toEqual(["user", "assistant", "tool"]);
    expect(history[2]?.parts).toMatchObject([{ callId: "c1", text: "done", isError: false }]);
    expect(next).toBe("fine");
    expect(asked[1]?.messages.filter(({ role }) => role === "tool")).toHaveLength(2);
    expect(unhandled).toEqual([]);
  });

  it("after a tool keeps its result, and asks no more", async () => {
    const stop = new AbortController();
    const tool = toolOf("last", async () => {
      void setImmediate().then(() => stop.abort());
      return "done";
    });
    const answers = [{ calls: [callOf("c1", "last")] }, { texts: ["unwanted"] }];
    const { store, agent, asked, unhandled } = await start(answers, [tool]);

    const reply = agent.chat("Hi", { signal: stop.signal });

    await expect(reply).rejects.toMatchObject({ code: "cancelled" });
    expect((await agent.history()).map(({ role }) => role)).toEqual(["user", "assistant", "tool"]);
    expect(asked).toHaveLength(1);
    expect(await callsOf(store, agent.sessionId)).toMatchObject([{ status: "success" }]);
    expect(unhandled).toEqual([]);
  });

  it("while the next step begins keeps the steps before it", async () => {
    const store = await server.connect();
    const unhandled = watchRejections();
    const stop = new AbortController();
    const model: ChatModel = {
      async *stream({ messages, signal }) {
        if (messages.at(-1)?.role === "tool") stop.abort();
        signal.throwIfAborted();
        yield { type: "tool_call", ...callOf("c1", "now") };
      },
    };
    const tools = [toolOf("now", () => "now")];
    const agent = await agentOn(store).withModel(model).withTools(tools).build();

    const reply = agent.chat("Hi", { signal: stop.signal });

    await expect(reply).rejects.toMatchObject({ code: "cancelled" });
    expect((await agent.history()).map(({ role }) => role)).toEqual(["user", "assistant", "tool"]);
    expect(await callsOf(store, agent.sessionId)).toMatchObject([
      { status: "success" },
      { status: "cancelled" },
    ]);
    expect(unhandled).toEqual([]);
  });

  it("after the model had failed fails as the model did", async () => {
    const read = gate();
    const answer = { texts: ["Hel"], until: read.opened, end: "broken off" } as const;
    const { store, agent } = await start([answer], []);
    const stop = new AbortController();

    const stream = agent.chatStream("Hi", { signal: stop.signal });
    await stream.next();
    read.open();
    await expect.poll(() => callsOf(store, agent.sessionId)).toMatchObject([{ status: "failed" }]);
    stop.abort();
    const next = stream.next();

    await expect(next).rejects.toMatchObject({ name: "ModelError", status: "failed" });
  });

  it("gives and keeps nothing of what the caller had not got", async () => {
    const store = await server.connect();
    const said = gate();
    const model: ChatModel = {
      async *stream() {
        yield { type: "text", text: "Hel" };
        yield { type: "text", text: "lo" };
        said.open();
        await NEVER;
      },
    };
    const agent = await agentOn(store).withModel(model).build();
    const stop = new AbortController();

    const stream = agent.chatStream("Hi", { signal: stop.signal });
    await stream.next();
    await said.opened;
    stop.abort();
    const next = stream.next();

    await expect(next).rejects.toMatchObject({ code: "cancelled" });
    expect((await agent.history())[1]).toMatchObject({ content: "Hel", status: "interrupted" });
  });

  it("at any moment asks no model any more", async () => {
    const store = await server.connect();
    const inVain: number[] = [];
    for (let moment = 0; moment < MOMENTS; moment++) {
      const stop = new AbortController();
      const model = toModel(async function* (signal) {
        if (signal.aborted) inVain.push(moment);
        yield* ["Hel", "lo"];
        await NEVER;
      });
      const agent = await agentOn(store).withModel(model).build();

      const reply = agent.chat("Hi", stop);
      void pass(moment).then(() => stop.abort());

      await expect(reply).rejects.toMatchObject({ code: "cancelled" });
    }
    expect(inVain).toEqual([]);
  });
});
