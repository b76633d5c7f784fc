import type { NewMessage } from "@mofa-state/client";
import type { ChatModel } from "@mofa-state/client/agent";
import { expect, it } from "vitest";
import { shareServer } from "../api/shared-server.js";
import { describeDatabases } from "../support/databases.js";
import { agentOn } from "./agents.js";
import { type Asked, startModelServer } from "./model-server.js";

const MIB = 1024 * 1024;

function answer({ messages }: Asked) {
  return { texts: ["to ", String(messages.at(-1)?.content)] };
}

/** What a request says, in short. */
function inShort({ messages }: Asked): readonly string[] {
  return messages.map(({ role, content }) => `${role}: ${content}`);
}

const TURNS: readonly NewMessage[] = ["1", "2"].flatMap((n): NewMessage[] => [
  { role: "user", content: `u${n}`, tokenCount: 10 },
  { role: "assistant", content: `a${n}`, tokenCount: 10 },
]);

describeDatabases("an agent's window", (database) => {
  const server = shareServer(database);

  it.each([
    ["turns", (agent: ReturnType<typeof agentOn>) => agent.withSlidingWindow(2)],
    ["tokens", (agent: ReturnType<typeof agentOn>) => agent.withTokenBudget(36)],
  ])("sends the newest %s with the system messages, and keeps all", async (_, limit) => {
    const store = await server.connect();
    const { model, asked } = await startModelServer(answer);
    const session = await store.sessions.create();
    await session.append([{ role: "system", content: "sys", tokenCount: 10 }, ...TURNS]);
    const begin = agentOn(store, { sessionId: session.id }).withModel(model());
    const agent = await limit(begin).build();

    await agent.chat("u3");
    const streamed: string[] = [];
    for await (const piece of agent.chatStream("u4")) streamed.push(piece);
    const history = await agent.history();

    expect(asked.map(inShort)).toEqual([
      ["system: sys", "user: u2", "assistant: a2", "user: u3"],
      ["system: sys", "user: u3", "assistant: to u3", "user: u4"],
    ]);
    expect(streamed.join("")).toBe("to u4");
    expect(history).toHaveLength(9);
  });

  it.each([
    {},
    { maxTurns: 1 },
    { maxTurns: 3 },
    { maxTokens: 45 },
    { maxTurns: 2, maxTokens: 70 },
  ])("sends before the question is stored what is given after it: %j", async (limits) => {
    const store = await server.connect();
    const session = await store.sessions.create();
    await session.append({ role: "assistant", content: "Welcome!" });
    const sent: string[][] = [];
    const fresh: string[][] = [];
    const model: ChatModel = {
      async *stream({ messages }) {
        const question = messages.at(-1)?.content;
        let context = await session.context(limits);
        while (context.messages.at(-1)?.content !== question)
          context = await session.context(limits);
        sent.push(messages.map(({ content }) => content));
        fresh.push(context.messages.map(({ content }) => content));
        yield { type: "text", text: "ok ".repeat((sent.length * 7) % 20) };
      },
    };
    const begin = agentOn(store, { sessionId: session.id }).withModel(model);
    if (limits.maxTurns !== undefined) begin.withSlidingWindow(limits.maxTurns);
    if (limits.maxTokens !== undefined) begin.withTokenBudget(limits.maxTokens);
    const agent = await begin.build();

    for (let turn = 1; turn <= 8; turn++)
      await agent.chat(`${turn}${"?".repeat((turn * 11) % 30)}`);

    expect(sent).toHaveLength(8);
    expect(sent).toEqual(fresh);
  });

  it("is what a history over 8 MiB needs, and the error says so", async () => {
    const store = await server.connect();
    const { model } = await startModelServer(answer);
    const session = await store.sessions.create();
    const long = { role: "user", content: "x".repeat(3 * MIB) } as const;
    for (let count = 0; count < 3; count++) await session.append(long);
    const begin = () => agentOn(store, { sessionId: session.id }).withModel(model());

    const asking = (await begin().build()).chat("u4");
    await expect(asking).rejects.toMatchObject({
      reason: "CONTEXT_TOO_LARGE",
      message: expect.stringMatching(/withSlidingWindow.*withTokenBudget/),
    });
    const { messageCount } = await session.refresh();
    const windowed = await (await begin().withSlidingWindow(2).build()).chat("u5");
    const budgeted = await (await begin().withTokenBudget(MIB).build()).chat("u6");

    expect(messageCount).toBe(3);
    expect([windowed, budgeted]).toEqual(["to u5", "to u6"]);
  });
});
