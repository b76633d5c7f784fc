import { type ChatModel, LLMAgentBuilder, type ModelChunk } from "@mofa-state/client/agent";
import { describe, expect, it } from "vitest";
import { inShort } from "./agents.js";
import { startModelServer } from "./model-server.js";

const TOOL = { name: "now", description: "", parameters: {}, run: () => "now" };

/** As a model may be that is written without types. */
const NAMELESS = { name: 5, async *stream() {} } as unknown as ChatModel;

/** A model that repeats what it is asked, and keeps what it was sent. */
function startEcho(): ChatModel & { readonly sent: (readonly string[])[] } {
  const sent: (readonly string[])[] = [];
  return {
    sent,
    async *stream({ messages }) {
      sent.push(messages.map(({ content }) => content));
      yield { type: "text", text: `to ${messages.at(-1)?.content}` };
    },
  };
}

describe("an agent without a plugin", () => {
  it("keeps its sessions in memory", async () => {
    const model = startEcho();
    const begin = new LLMAgentBuilder().withModel(model).withSystemPrompt("Brief.");
    const agent = await begin.withSlidingWindow(2).build();
    const first = agent.sessionId;

    await agent.chat("1");
    await agent.chat("2");
    await agent.chat("3");
    const history = (await agent.history({ last: 2 })).map(inShort);
    const second = await agent.createSession({ key: "other" });
    await agent.switchSession("other");
    await agent.chat("4");
    await agent.deleteSession(first);
    const left = await agent.listSessions();
    await agent.clearHistory();

    expect(model.sent).toEqual([
      ["Brief.", "1"],
      ["Brief.", "1", "to 1", "2"],
      ["Brief.", "2", "to 2", "3"],
      ["Brief.", "4"],
    ]);
    expect(history).toEqual(["user: 3", "assistant: to 3"]);
    expect(left.map(({ id }) => id)).toEqual([second]);
    expect(await agent.history()).toEqual([]);
    await expect(agent.switchSession(first)).rejects.toMatchObject({ code: "not_found" });
    await expect(agent.deleteSession("other")).rejects.toMatchObject({ reason: "SESSION_ACTIVE" });
  });

  it.each([undefined, 5])("refuses a question that is no text: %s", async (question) => {
    const model = startEcho();
    const agent = await new LLMAgentBuilder().withModel(model).build();

    const asking = agent.chat(question as unknown as string);

    await expect(asking).rejects.toMatchObject({ code: "invalid_argument" });
    expect(await agent.history()).toEqual([]);
    expect(model.sent).toEqual([]);
  });

  it("keeps what a failing model said, and answers when it is resumed", async () => {
    const { model, asked } = await startModelServer([
      { texts: ["Hel"], end: "rate limit" },
      { texts: ["Hello"] },
    ]);
    const agent = await new LLMAgentBuilder().withModel(model()).build();

    await expect(agent.chat("Hi")).rejects.toMatchObject({ status: "rate_limited" });
    const pieces: string[] = [];
    for await (const piece of agent.resume()) pieces.push(piece);

    expect(pieces).toEqual(["Hello"]);
    expect(asked[1]?.messages.map(({ content }) => content)).toEqual(["Hi"]);
    expect((await agent.history()).map(inShort)).toEqual([
      "user: Hi",
      "assistant: Hel (interrupted)",
      "assistant: Hello",
    ]);
  });
});

describe("a builder", () => {
  it("takes the model from the environment", async () => {
    const { url, asked } = await startModelServer([{ texts: ["Hello"] }]);
    const env = { OPENAI_API_KEY: "none", OPENAI_BASE_URL: url, OPENAI_MODEL: "small" };

    const agent = await LLMAgentBuilder.fromEnv(env).build();
    const reply = await agent.chat("Hi");

    expect(reply).toBe("Hello");
    expect(asked).toMatchObject([{ model: "small" }]);
  });

  it.each([
    ["a key that is missing", () => LLMAgentBuilder.fromEnv({})],
    ["a window of no turns", () => new LLMAgentBuilder().withSlidingWindow(0)],
    ["a budget of half a token", () => new LLMAgentBuilder().withTokenBudget(0.5)],
    ["a session without a name", () => new LLMAgentBuilder().withSessionId("")],
    ["a model that cannot stream", () => new LLMAgentBuilder().withModel({} as ChatModel)],
    ["no model", () => new LLMAgentBuilder().withModel(undefined as unknown as ChatModel)],
    ["a model whose name is no text", () => new LLMAgentBuilder().withModel(NAMELESS)],
    ["two tools of one name", () => new LLMAgentBuilder().withTools([TOOL, TOOL])],
  ])("refuses %s", (_, build) => {
    expect(build).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });

  it("refuses to build without a model", async () => {
    const building = new LLMAgentBuilder().build();

    await expect(building).rejects.toMatchObject({ code: "invalid_argument" });
  });

  it.each([
    undefined,
    { type: "nothing" },
    { type: "text", text: 5 },
    { type: "tool_call", id: "c1", name: "now", arguments: {} },
  ])("fails where a model gives what is no chunk, and names it: %j", async (chunk) => {
    const model: ChatModel = {
      async *stream() {
        yield chunk as ModelChunk;
      },
    };
    const agent = await new LLMAgentBuilder().withModel(model).build();

    await expect(agent.chat("Hi")).rejects.toMatchObject({
      status: "failed",
      message: expect.stringContaining(String(JSON.stringify(chunk))),
    });
  });

  it("tells the results of calls apart whose ids an earlier answer had", async () => {
    const calls = [{ id: "c1", name: "now", arguments: "{}" }];
    const { model, asked } = await startModelServer([
      { calls },
      { texts: ["noon"] },
      { calls },
      { texts: ["fine"] },
    ]);
    const stop = new AbortController();
    let runs = 0;
    const tool = {
      ...TOOL,
      run: () => {
        runs += 1;
        if (runs === 1) return "noon";
        stop.abort();
        return new Promise<string>(() => undefined);
      },
    };
    const agent = await new LLMAgentBuilder().withModel(model()).withTools([tool]).build();
    await agent.chat("1");
    await expect(agent.chat("2", { signal: stop.signal })).rejects.toThrow();

    const reply = await agent.chat("3");

    expect(reply).toBe("fine");
    const results = asked.at(-1)?.messages.filter(({ role }) => role === "tool");
    expect(results?.map(({ content }) => content)).toEqual([
      "noon",
      expect.stringContaining("interrupted"),
    ]);
  });
});
