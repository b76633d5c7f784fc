import type { JsonObject } from "@mofa-state/client";
import type { Tool } from "@mofa-state/client/agent";
import { expect, it } from "vitest";
import { shareServer } from "../api/shared-server.js";
import { collect } from "../support/collect.js";
import { describeDatabases } from "../support/databases.js";
import { agentOn, callsOf, newOwner } from "./agents.js";
import { type Answer, startModelServer } from "./model-server.js";

const PARAMETERS: JsonObject = { type: "object", properties: { city: { type: "string" } } };

const WEATHER: Tool = {
  name: "weather",
  description: "Tells the weather of a city.",
  parameters: PARAMETERS,
  run: async ({ city }) => ({ city: city ?? null, sky: "clear" }),
};

const MUTE: Tool = {
  ...WEATHER,
  name: "mute",
  run: () => {
    throw Object.create(null);
  },
};

const BROKEN: Tool = {
  ...WEATHER,
  name: "broken",
  run: () => {
    throw new Error("no such station");
  },
};

/** A call of a tool, as a model makes it. */
function callOf(id: string, name: string, args = '{"city":"Oslo"}') {
  return { id, name, arguments: args };
}

describeDatabases("an agent's tools", (database) => {
  const server = shareServer(database);

  async function start(answers: readonly Answer[], owner = newOwner()) {
    const store = await server.connect();
    const models = await startModelServer(answers);
    const begin = (sessionId?: string) =>
      agentOn(store, { owner, ...(sessionId !== undefined && { sessionId }) })
        .withModel(models.model())
        .withTools([WEATHER, BROKEN, MUTE]);
    return { store, begin, ...models };
  }

  it("are run, and their results stored and sent to the model", async () => {
    const calls = [callOf("c1", "weather"), callOf("c2", "weather", '{"city":"Rome"}')];
    const { store, begin, asked } = await start([
      { texts: ["Let me see. "], calls },
      { texts: ["Clear."] },
    ]);
    const agent = await begin().build();

    const reply = await agent.chat("Weather?");
    const history = await agent.history();
    const apiCalls = await callsOf(store, agent.sessionId);

    expect(reply).toBe("Let me see. Clear.");
    expect(asked[0]?.tools).toMatchObject([
      { function: { name: "weather", parameters: PARAMETERS } },
      { function: { name: "broken" } },
      { function: { name: "mute" } },
    ]);
    expect(asked[1]?.messages.slice(1)).toEqual([
      {
        role: "assistant",
        content: "Let me see. ",
        tool_calls: [
          expect.objectContaining({ id: "c1" }),
          {
            id: "c2",
            type: "function",
            function: { name: "weather", arguments: '{"city":"Rome"}' },
          },
        ],
      },
      { role: "tool", tool_call_id: "c1", content: '{"city":"Oslo","sky":"clear"}' },
      { role: "tool", tool_call_id: "c2", content: '{"city":"Rome","sky":"clear"}' },
    ]);
    expect(history.map(({ role }) => role)).toEqual([
      ...["user", "assistant", "tool", "tool", "assistant"],
    ]);
    expect(history[1]?.parts).toMatchObject([
      { type: "tool_call", id: "c1", name: "weather", arguments: { city: "Oslo" } },
      { type: "tool_call", id: "c2" },
    ]);
    expect(history[2]?.parts).toMatchObject([{ type: "tool_result", callId: "c1" }]);
    expect(apiCalls.map(({ responseMessageId }) => responseMessageId)).toEqual([
      history[1]?.id,
      history[4]?.id,
    ]);
  });

  it.each([
    ["throws", callOf("c1", "broken")],
    ["throws what has no text", callOf("c1", "mute")],
    ["is unknown", callOf("c1", "nothing")],
    ["gets arguments that are no JSON", callOf("c1", "weather", '{"city":')],
    ["gets arguments that are no object", callOf("c1", "weather", "[1]")],
  ])("tell the model of the error where one %s", async (_, call) => {
    const { begin, asked } = await start([{ calls: [call] }, { texts: ["Sorry."] }]);
    const agent = await begin().build();

    const reply = await agent.chat("Weather?");
    const [, , result] = await agent.history();

    expect(reply).toBe("Sorry.");
    expect(result?.parts).toMatchObject([{ type: "tool_result", callId: "c1", isError: true }]);
    expect(asked[1]?.messages.at(-1)?.role).toBe("tool");
  });

  it("are called 25 times in a row at most", async () => {
    const answers = Array.from({ length: 26 }, (_, step) => ({
      calls: [callOf(`c${step}`, "weather")],
    }));
    const { begin, asked } = await start(answers);
    const agent = await begin().build();

    await expect(agent.chat("Weather?")).rejects.toMatchObject({ reason: "TOO_MANY_STEPS" });

    expect(asked).toHaveLength(25);
    expect((await agent.history()).at(-1)?.role).toBe("tool");
  });

  it("are told to be interrupted when a turn goes on that a crash cut off", async () => {
    const { store, begin, asked } = await start([{ texts: ["Clear."] }]);
    const session = await store.sessions.create();
    const call = { type: "tool_call", id: "c1", name: "weather" } as const;
    await session.append([
      { role: "user", content: "Weather?" },
      { role: "assistant", parts: [call] },
    ]);
    const agent = await begin(session.id).build();

    const reply = (await collect(agent.resume())).join("");
    const again = await collect(agent.resume());
    const history = await agent.history();

    expect(reply).toBe("Clear.");
    expect(again).toEqual([]);
    expect(asked).toHaveLength(1);
    expect(asked[0]?.messages.at(-1)).toMatchObject({ role: "tool", tool_call_id: "c1" });
    expect(history.map(({ role }) => role)).toEqual(["user", "assistant", "tool", "assistant"]);
    expect(history[2]?.parts).toMatchObject([{ callId: "c1", isError: true }]);
  });
});
