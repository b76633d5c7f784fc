import { type ChatModel, type LLMAgent, LLMAgentBuilder } from "@mofa-state/client/agent";
import { expect, it } from "vitest";
import { gate } from "./gate.js";

const WAITS = { code: "failed_precondition", reason: "TURN_WAITS" };

/** A model that calls the tool once a turn, and then says what it gave. */
const MODEL: ChatModel = {
  async *stream({ messages }) {
    const [newest] = messages.slice(-1);
    const [part] = newest?.parts ?? [];
    if (part?.type === "tool_result") yield { type: "text", text: part.text };
    else yield { type: "tool_call", id: "c1", name: "tool", arguments: "{}" };
  },
};

/** Builds an agent whose tool does what a function says. */
function agentWith(run: () => Promise<string>): Promise<LLMAgent> {
  const tool = { name: "tool", description: "", parameters: {}, run };
  return new LLMAgentBuilder().withModel(MODEL).withTools([tool]).build();
}

it.each([
  ["chats", (agent: LLMAgent) => agent.chat("Hi")],
  ["goes on", (agent: LLMAgent) => agent.resume().next()],
  ["clears the history", (agent: LLMAgent) => agent.clearHistory()],
])("a tool that %s in its own session is told why it must not", async (_, use) => {
  let failure: unknown;
  const agent = await agentWith(async () => {
    await use(agent).catch((error: unknown) => {
      failure = error;
    });
    return "done";
  });

  const reply = await agent.chat("Do it");
  const next = await agent.chat("Again");

  expect(failure).toMatchObject(WAITS);
  expect([reply, next]).toEqual(["done", "done"]);
});

it("a tool that chats in its own session by way of another's tool is told why it must not", async () => {
  const agent = await agentWith(() => helper.chat("Help"));
  const helper = await agentWith(() => agent.chat("Hi"));

  const reply = await agent.chat("Do it");

  expect(reply).toMatch(`a turn of session ${agent.sessionId} waits`);
});

it("tools of two sessions that chat in each other's are told so, one at least", async () => {
  const bothRun = [gate(), gate()];
  const begin = (index: number, other: () => LLMAgent) =>
    agentWith(async () => {
      bothRun[index]?.open();
      await bothRun[1 - index]?.opened;
      return other().chat("Hi");
    });
  const one = await begin(0, () => another);
  const another = await begin(1, () => one);

  const replies = await Promise.all([one.chat("Do it"), another.chat("Do it")]);

  expect(replies.join()).toMatch(/a turn of session .* waits/);
});

it("a tool may chat in another session", async () => {
  const helper = await agentWith(async () => "helped");
  const agent = await agentWith(() => helper.chat("Help"));

  expect(await agent.chat("Do it")).toBe("helped");
});

it("a tool may chat in a session whose tool has chatted in its own before", async () => {
  const [helped, released] = [gate(), gate()];
  const runs: string[] = [];
  const agent = await agentWith(async () => {
    if (runs.push("agent") > 1) return "again";
    await helper.chat("Help");
    helped.open();
    await released.opened;
    return "done";
  });
  const helper = await agentWith(async () => {
    if (!runs.includes("helper")) return `helped ${runs.push("helper")}`;
    const asked = agent.chat("Hi");
    released.open();
    return asked;
  });

  const first = agent.chat("Do it");
  await helped.opened;
  const replies = await Promise.all([first, helper.chat("Ask back")]);

  expect(replies).toEqual(["done", "again"]);
});

it("what a tool has begun may chat in its session when the turn has ended", async () => {
  const ended = gate();
  let later: Promise<string> | undefined;
  const agent = await agentWith(async () => {
    later ??= ended.opened.then(() => agent.chat("Later"));
    return "begun";
  });

  await agent.chat("Do it");
  ended.open();

  expect(await later).toBe("begun");
});
