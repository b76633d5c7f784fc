import type { Tool } from "@mofa-state/client/agent";
import { expect, it } from "vitest";
import { shareServer } from "../api/shared-server.js";
import { collect } from "../support/collect.js";
import { describeDatabases } from "../support/databases.js";
import { agentOn, stored } from "./agents.js";
import { type Answer, startModelServer } from "./model-server.js";

const BUDGET = 100;
const TOO_LONG = "?".repeat(4 * BUDGET);
const TOO_LARGE = { code: "resource_exhausted", reason: "CONTEXT_TOO_LARGE" };

describeDatabases("an agent's token budget", (database) => {
  const server = shareServer(database);

  async function start(answers: readonly Answer[]) {
    const store = await server.connect();
    const session = await store.sessions.create();
    const { model, asked } = await startModelServer(answers);
    const begin = (tools: readonly Tool[] = []) =>
      agentOn(store, { sessionId: session.id })
        .withModel(model())
        .withTokenBudget(BUDGET)
        .withTools(tools);
    return { store, session, begin, asked };
  }

  it("refuses a question over it before it is stored, and takes a smaller one", async () => {
    const { store, session, begin, asked } = await start([{ texts: ["fine"] }]);
    const agent = await begin().build();

    const asking = agent.chat(TOO_LONG);

    await expect(asking).rejects.toMatchObject(TOO_LARGE);
    expect(asked).toEqual([]);
    expect(await agent.chat("small")).toBe("fine");
    expect(await stored(store, session.id)).toEqual(["user: small", "assistant: fine"]);
  });

  it("refuses a question beside system messages until somebody has made room", async () => {
    const { session, begin } = await start([{ texts: ["fine"] }]);
    const system = { role: "system", content: "sys", tokenCount: BUDGET } as const;
    await session.append(system);
    const agent = await begin().build();

    const asking = agent.chat("small");
    await expect(asking).rejects.toMatchObject(TOO_LARGE);
    const history = await agent.history();
    await session.clear();
    const reply = await agent.chat("small");

    expect(history).toHaveLength(1);
    expect(reply).toBe("fine");
  });

  it("takes a question in a session whose newest one is over it, also after a restart", async () => {
    const { store, session, begin, asked } = await start([{ texts: ["fine"] }]);
    const agent = await begin().build();
    await session.append({ role: "user", content: TOO_LONG });

    const restarted = await begin().build();
    await expect(collect(restarted.resume())).rejects.toMatchObject({
      ...TOO_LARGE,
      message: expect.stringContaining("withTokenBudget"),
    });
    const reply = await restarted.chat("small");
    const other = await agent.history();

    expect(reply).toBe("fine");
    expect(asked[0]?.messages.map(({ content }) => content)).toEqual(["small"]);
    expect((await stored(store, session.id)).slice(1)).toEqual(["user: small", "assistant: fine"]);
    expect(other).toHaveLength(3);
  });

  it("ends a turn whose tool gives more, which is run once", async () => {
    let runs = 0;
    const tool: Tool = {
      name: "read",
      description: "",
      parameters: { type: "object" },
      run: () => {
        runs += 1;
        return TOO_LONG;
      },
    };
    const calls = [{ id: "c1", name: "read", arguments: "{}" }];
    const { begin, asked } = await start([{ calls }, { texts: ["fine"] }]);
    const agent = await begin([tool]).build();

    await expect(agent.chat("Read it.")).rejects.toMatchObject(TOO_LARGE);
    await expect(collect(agent.resume())).rejects.toMatchObject(TOO_LARGE);
    const history = await agent.history();
    const reply = await agent.chat("small");

    expect(runs).toBe(1);
    expect(history.at(-1)?.parts).toMatchObject([{ callId: "c1", text: TOO_LONG }]);
    expect(reply).toBe("fine");
    expect(asked).toHaveLength(2);
  });
});
