import { randomUUID } from "node:crypto";
import type { ChatModel } from "@mofa-state/client/agent";
import { expect, it } from "vitest";
import { shareServer } from "../api/shared-server.js";
import { describeDatabases } from "../support/databases.js";
import { agentOn, callsOf, inShort, newOwner, stored } from "./agents.js";
import { type Asked, startModelServer, USAGE } from "./model-server.js";

/** Answers each question with its number in the request. */
function answer({ messages }: Asked) {
  return { texts: ["to ", String(messages.at(-1)?.content)] };
}

describeDatabases("an agent's conversation", (database) => {
  const server = shareServer(database);

  it("goes on in another agent, with the system prompt, streaming or not", async () => {
    const store = await server.connect();
    const { model, asked } = await startModelServer(answer);
    const named = { sessionId: randomUUID(), owner: newOwner() };
    const begin = () => agentOn(store, named).withModel(model()).withSystemPrompt("Brief.");
    const first = await begin().build();
    await first.chat("one");
    for await (const _ of first.chatStream("two"));

    const second = await begin().build();
    const history = await second.history();
    const reply = await second.chat("three");

    expect(history.map(inShort)).toEqual([
      "user: one",
      "assistant: to one",
      "user: two",
      "assistant: to two",
    ]);
    expect(reply).toBe("to three");
    expect(asked.map(({ messages }) => messages.map(({ content }) => content))).toEqual([
      ["Brief.", "one"],
      ["Brief.", "one", "to one", "two"],
      ["Brief.", "one", "to one", "two", "to two", "three"],
    ]);
    expect(asked.at(-1)?.messages[0]?.role).toBe("system");
  });

  it("is in exactly the session that is named, by an id or by a key", async () => {
    const store = await server.connect();
    const { model } = await startModelServer(answer);
    const owner = newOwner();
    const id = randomUUID();
    const key = "user-123-session";

    const byId = await agentOn(store, { sessionId: id, owner }).withModel(model()).build();
    const byKey = await agentOn(store, { sessionId: key, owner }).withModel(model()).build();
    const again = await agentOn(store, { owner }).withModel(model()).withSessionId(key).build();
    const { info } = await store.sessions.get({ key });

    expect(byId.sessionId).toBe(id);
    expect((await store.sessions.get(id)).info).toMatchObject(owner);
    expect(again.sessionId).toBe(byKey.sessionId);
    expect(info).toMatchObject({ ...owner, id: byKey.sessionId });
  });

  it("stores the question before the first token, however fast the model is", async () => {
    const store = await server.connect();
    const model: ChatModel = {
      async *stream() {
        yield { type: "text", text: "at once" };
      },
    };
    const agent = await agentOn(store).withModel(model).build();
    const session = await store.sessions.get(agent.sessionId);

    const stream = agent.chatStream("Hi");
    await stream.next();
    const atFirst = await session.messages({ last: 2 }).next();
    await stream.return();

    expect(atFirst.value).toMatchObject({ role: "user", content: "Hi" });
  });

  it("stores the exact reply with its call", async () => {
    const store = await server.connect();
    const { model } = await startModelServer([{ texts: ["Hel", "lo 🦔", "!"] }]);
    const agent = await agentOn(store).withModel(model()).build();

    const pieces: string[] = [];
    for await (const piece of agent.chatStream("Hi")) pieces.push(piece);
    const [question, reply] = await agent.history();
    const calls = await callsOf(store, agent.sessionId);

    expect(pieces.join("")).toBe("Hello 🦔!");
    expect(reply).toMatchObject({ content: "Hello 🦔!", status: "complete", tokenCount: 5 });
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatchObject({
      ...USAGE,
      model: "model-1",
      status: "success",
      requestMessageId: question?.id,
      responseMessageId: reply?.id,
    });
    expect(calls[0]?.latencyMs).toBeGreaterThanOrEqual(calls[0]?.timeToFirstTokenMs ?? Infinity);
  });

  it("sends what others have written meanwhile, and asks anew if the model was asked before", async () => {
    const store = await server.connect();
    const { model, asked, abandoned } = await startModelServer([
      { texts: ["hi"] },
      { texts: ["wrong"], after: new Promise(() => undefined) },
      { texts: ["right"] },
    ]);
    const agent = await agentOn(store).withModel(model()).build();
    await agent.chat("one");
    await agent.history();
    const session = await store.sessions.get(agent.sessionId);
    await session.append({ role: "system", content: "Somebody else was here." });

    const reply = await agent.chat("two");
    const calls = await callsOf(store, agent.sessionId);

    expect(reply).toBe("right");
    expect(asked.at(-1)?.messages.map(({ content }) => content)).toEqual([
      "one",
      "hi",
      "Somebody else was here.",
      "two",
    ]);
    expect(calls.at(-1)?.status).toBe("success");
    expect(calls.filter(({ status }) => status === "cancelled")).toHaveLength(asked.length - 2);
    await expect.poll(abandoned).toBe(asked.length - 2);
  });

  it.each([
    ["length", ["length"]],
    ["content_filter", ["content_filter"]],
    ["eos", []],
  ])("tells of an answer that ends by %s if that cuts it short", async (reason, expected) => {
    const store = await server.connect();
    const { model } = await startModelServer([{ texts: ["Once", " upon"], reason }]);
    const agent = await agentOn(store).withModel(model()).build();

    const reasons: string[] = [];
    const reply = await agent.chat("Hi", { onCutShort: (each) => void reasons.push(each) });
    const [, message] = await agent.history();
    const [call] = await callsOf(store, agent.sessionId);

    expect(reply).toBe("Once upon");
    expect(reasons).toEqual(expected);
    expect(message).toMatchObject({ status: "complete", content: reply });
    expect(call?.status).toBe("success");
    expect(call?.error?.split(": ").slice(1) ?? []).toEqual(expected);
  });

  it("may overlap with another process's, which loses and separates nothing", async () => {
    const store = await server.connect();
    const call = { id: "c1", name: "now", arguments: "{}" };
    const { model, asked } = await startModelServer([{ calls: [call] }, { texts: ["It is noon"] }]);
    let sentToOther: readonly string[] = [];
    const other = async () => {
      const session = await store.sessions.get(agent.sessionId);
      await session.append({ role: "user", content: "Hi" });
      const { messages } = await session.context({ answerInterruptedCalls: true });
      sentToOther = messages.map(({ role }) => role);
      await session.append({ role: "assistant", content: "Hello" });
      return "noon";
    };
    const tool = { name: "now", description: "", parameters: {}, run: other };
    const agent = await agentOn(store).withModel(model()).withTools([tool]).build();

    await agent.chat("When?");

    expect(sentToOther).toEqual(["user", "assistant", "tool", "user"]);
    expect(asked[1]?.messages.map(({ content }) => content)).toEqual([
      ...["When?", null, "noon", "Hi", "Hello"],
    ]);
    expect(await stored(store, agent.sessionId)).toEqual([
      ...["user: When?", "assistant: ", "user: Hi", "assistant: Hello"],
      ...["tool: ", "assistant: It is noon"],
    ]);
  });

  it("clears its history", async () => {
    const store = await server.connect();
    const { model, asked } = await startModelServer(answer);
    const agent = await agentOn(store).withModel(model()).build();
    await agent.chat("one");

    await agent.clearHistory();
    const history = await agent.history();
    await agent.chat("two");

    expect(history).toEqual([]);
    expect(asked.at(-1)?.messages.map(({ content }) => content)).toEqual(["two"]);
  });
});
