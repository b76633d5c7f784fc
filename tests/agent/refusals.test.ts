import { once } from "node:events";
import type { ChatModel, Tool } from "@mofa-state/client/agent";
import { expect, it } from "vitest";
import { shareServer } from "../api/shared-server.js";
import { describeDatabases } from "../support/databases.js";
import { agentOn, callsOf, stored } from "./agents.js";
import { type Answer, startModelServer } from "./model-server.js";
import { watchRejections } from "./rejections.js";

const SILENCE_MS = 200;
const MAX_NAME_BYTES = 255;
const MAX_ERROR_BYTES = 8_192;
const MAX_MESSAGE_BYTES = 64 * 1024;

const NOW: Tool = {
  name: "now",
  description: "",
  parameters: { type: "object" },
  run: () => "now",
};

function callOf(id: string, args = "{}") {
  return { id, name: "now", arguments: args };
}

const MANY = Array.from({ length: 1_001 }, (_, index) => callOf(`c${index}`));
const LARGE = [callOf("c1", JSON.stringify({ a: "x".repeat(MAX_MESSAGE_BYTES) }))];

describeDatabases("an answer that a store would refuse", (database) => {
  const server = shareServer(database, { limits: { maxRequestBytes: MAX_MESSAGE_BYTES } });

  async function start(answers: readonly Answer[]) {
    const store = await server.connect();
    const { model, asked } = await startModelServer(answers);
    const agent = await agentOn(store).withModel(model()).withTools([NOW]).build();
    return { store, agent, asked, id: agent.sessionId };
  }

  it.each([
    ["half of a surrogate pair", '{"a":"\\ud800"}'],
    ["a number that is too large", '{"a":1e999}'],
    ["U+0000", '{"a":"\\u0000"}'],
    ["U+0000 in a key", '{"\\u0000":1}'],
    ["levels that are too many", `{"a":${"[".repeat(200)}${"]".repeat(200)}}`],
  ])("has its arguments with %s kept as text", async (_, text) => {
    const { agent, asked } = await start([
      { texts: ["Let me see. "], calls: [callOf("c1", text)] },
      { texts: ["Sorry."] },
    ]);

    const reply = await agent.chat("When?");
    const [, answer, result] = await agent.history();

    expect(reply).toBe("Let me see. Sorry.");
    expect(answer).toMatchObject({ status: "complete", parts: [{ id: "c1", arguments: text }] });
    expect(result?.parts).toMatchObject([{ callId: "c1", isError: true }]);
    expect(asked[1]?.messages[1]?.tool_calls).toMatchObject([{ function: { arguments: text } }]);
  });

  it("has its arguments kept as they are where a text in them looks like a key", async () => {
    const text = JSON.stringify({ a: '"a": "a":', b: ['"b" :'] });
    const { agent } = await start([{ calls: [callOf("c1", text)] }, { texts: ["Now."] }]);

    await agent.chat("When?");
    const [, answer, result] = await agent.history();

    expect(answer?.parts).toMatchObject([{ arguments: JSON.parse(text) }]);
    expect(result?.parts).toMatchObject([{ text: "now", isError: false }]);
  });

  it.each([
    ["are too long", ["c".repeat(MAX_NAME_BYTES + 1), "d".repeat(MAX_NAME_BYTES + 1)]],
    ["have U+0000", ["c\0", "d\0"]],
    ["have half of a surrogate pair", ["c\ud800", "d\ud800"]],
    ["are missing", ["", ""]],
    ["are the same", ["c1", "c1"]],
  ])("has ids of its own for calls whose ids %s", async (_, ids) => {
    // Of a model of its own, since one answer of OpenAI's has each id once.
    const store = await server.connect();
    const sent: (readonly string[])[] = [];
    const model: ChatModel = {
      async *stream({ messages }) {
        const parts = messages.flatMap((message) => message.parts);
        sent.push(parts.map((part) => (part.type === "tool_call" ? part.id : "")));
        if (sent.length > 1) yield { type: "text", text: "Now." };
        else for (const id of ids) yield { type: "tool_call", ...callOf(id) };
      },
    };
    const agent = await agentOn(store).withModel(model).withTools([NOW]).build();

    const reply = await agent.chat("When?");
    const [, answer, ...results] = await agent.history();
    const given = answer?.parts.map((part) => (part.type === "tool_call" ? part.id : ""));

    expect(reply).toBe("Now.");
    expect(new Set(given).size).toBe(2);
    expect(results.flatMap(({ parts }) => parts)).toMatchObject([
      { callId: given?.[0], text: "now" },
      { callId: given?.[1], text: "now" },
    ]);
    expect(sent[1]?.slice(0, 3)).toEqual(["", ...(given ?? [])].slice(1).concat(""));
  });

  it("has whole characters, the same for the caller and in the store", async () => {
    const texts = ["a\ud83e", "\udd94b", "\udd94", "c\ud83e", "d\0", "e\ud83e"];
    const { agent } = await start([{ texts }]);

    const pieces: string[] = [];
    for await (const piece of agent.chatStream("Hi")) pieces.push(piece);
    const [, reply] = await agent.history();

    expect(pieces.join("")).toBe("a🦔b\ufffdc\ufffdd\ufffde\ufffd");
    expect(reply).toMatchObject({ content: pieces.join(""), status: "complete" });
  });

  it.each([
    ["many", MANY, "LIMIT_EXCEEDED"],
    ["large", LARGE, "REQUEST_TOO_LARGE"],
  ])("is kept without its calls where these are too %s", async (_, calls, reason) => {
    const answers = [{ texts: ["Let me see."], calls }, { texts: ["fine"] }];
    const { store, agent, id } = await start(answers);

    await expect(agent.chat("When?")).rejects.toMatchObject({ reason });
    const left = await stored(store, id);
    const calledFor = await callsOf(store, id);
    const reply = await agent.chat("still there?");

    expect(left).toEqual(["user: When?", "assistant: Let me see. (interrupted)"]);
    expect(calledFor).toMatchObject([{ status: "failed" }]);
    expect(reply).toBe("fine");
  });

  it("is kept as far as it fits where it is too long", async () => {
    const texts = ["a", "b", "c"].map((letter) => letter.repeat(MAX_MESSAGE_BYTES / 2));
    const { store, agent, id } = await start([{ texts }, { texts: ["fine"] }]);

    await expect(agent.chat("Hi")).rejects.toMatchObject({ reason: "LIMIT_EXCEEDED" });
    const [, left] = await agent.history();
    const reply = await agent.chat("still there?");

    expect(left?.status).toBe("interrupted");
    expect(left?.content.startsWith("a")).toBe(true);
    expect(texts.join("").startsWith(left?.content ?? "")).toBe(true);
    expect(reply).toBe("fine");
    expect(await callsOf(store, id)).toMatchObject([{ status: "failed" }, { status: "success" }]);
  });
});

describeDatabases("a model that is unlike others", (database) => {
  const server = shareServer(database);

  it("has a long error kept up to a whole character", async () => {
    const store = await server.connect();
    const model: ChatModel = {
      async *stream() {
        throw new Error(`x${"🦔".repeat(MAX_ERROR_BYTES)}`);
      },
    };
    const agent = await agentOn(store).withModel(model).build();

    await expect(agent.chat("Hi")).rejects.toMatchObject({ status: "failed" });
    const [call] = await callsOf(store, agent.sessionId);

    expect(call?.error).toBe(`x${"🦔".repeat((MAX_ERROR_BYTES - 4) / 4)}`);
  });

  it("fails as it says where its iterator throws by itself", async () => {
    const store = await server.connect();
    const unhandled = watchRejections();
    let asked = 0;
    const model: ChatModel = {
      stream: () => ({
        [Symbol.asyncIterator]: () => ({
          next() {
            asked += 1;
            throw new Error("broken");
          },
          return() {
            throw new Error("cannot be left");
          },
        }),
      }),
    };
    const agent = await agentOn(store).withModel(model).build();

    await expect(agent.chat("Hi")).rejects.toMatchObject({ name: "ModelError", message: "broken" });

    expect(asked).toBe(1);
    expect(await stored(store, agent.sessionId)).toEqual(["user: Hi"]);
    expect(await callsOf(store, agent.sessionId)).toMatchObject([{ status: "failed" }]);
    expect(unhandled).toEqual([]);
  });

  it("has its answer kept where its numbers make no sense", async () => {
    const store = await server.connect();
    const model: ChatModel = {
      name: "m".repeat(MAX_NAME_BYTES + 1),
      async *stream() {
        yield { type: "text", text: "Hello" };
        yield { type: "usage", promptTokens: -1, price: { amount: "1e3", currency: "gold" } };
      },
    };
    const agent = await agentOn(store).withModel(model).build();

    const reply = await agent.chat("Hi");
    const [call] = await callsOf(store, agent.sessionId);

    expect(reply).toBe("Hello");
    expect(call).toMatchObject({ model: "m".repeat(MAX_NAME_BYTES), status: "success" });
    expect(call?.price).toBeUndefined();
  });

  it("has its first token timed when it says something", async () => {
    const store = await server.connect();
    const model: ChatModel = {
      async *stream() {
        yield { type: "text", text: "" };
        await once(AbortSignal.timeout(SILENCE_MS), "abort");
        yield { type: "text", text: "Hello" };
      },
    };
    const agent = await agentOn(store).withModel(model).build();

    await agent.chat("Hi");
    const [call] = await callsOf(store, agent.sessionId);

    expect(call?.timeToFirstTokenMs).toBeGreaterThanOrEqual(SILENCE_MS - 1);
  });
});
