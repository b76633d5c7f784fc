import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { OpenAIModel } from "@mofa-state/client/agent";
import { onTestFinished } from "vitest";

/** A message as it comes on the wire. */
export interface WireMessage {
  readonly role: string;
  readonly content: string | null;
  readonly tool_call_id?: string;
  readonly tool_calls?: readonly unknown[];
}

/** What the server was asked. */
export interface Asked {
  readonly messages: readonly WireMessage[];
  readonly model: string;
  readonly tools?: readonly unknown[];
}

/** What it answers with. */
export interface Answer {
  /** What the model says, piece by piece. */
  readonly texts?: readonly string[];
  readonly calls?: readonly {
    readonly id: string;
    readonly name: string;
    readonly arguments: string;
  }[];
  /** How it ends: whole by default. */
  readonly end?: "whole" | "broken off" | "cut short" | "silence" | "rate limit";
  /** What is sent behind the text as it is, in place of the end. */
  readonly raw?: object;
  /** Why it ends, if it is whole: `stop` or `tool_calls` by default. */
  readonly reason?: string;
  /** An HTTP status to answer with instead. */
  readonly status?: number;
  /** Waited for between the text and the end. */
  readonly until?: Promise<unknown>;
  /** Waited for before the text. */
  readonly after?: Promise<unknown>;
}

/** A server that speaks OpenAI's chat completions. */
export interface ModelServer {
  readonly url: string;
  /** What it was asked so far. */
  readonly asked: readonly Asked[];
  /** How many of its answers the other side has given up. */
  readonly abandoned: () => number;
  /** A model behind it. */
  model(options?: { readonly timeoutMs?: number; readonly name?: string }): OpenAIModel;
}

/** The tokens that each whole answer says it took. */
export const USAGE = { promptTokens: 11, completionTokens: 7, cachedTokens: 3, reasoningTokens: 2 };

/** Starts a server that answers in turn as told, or as a function of the request says. */
export async function startModelServer(
  answers: readonly Answer[] | ((asked: Asked) => Answer),
): Promise<ModelServer> {
  const asked: Asked[] = [];
  let abandoned = 0;
  const server = createServer(async (request, response) => {
    const body: Asked = JSON.parse(await text(request));
    asked.push(body);
    const answer = typeof answers === "function" ? answers(body) : answers[asked.length - 1];
    response.on("close", () => {
      if (!response.writableFinished) abandoned += 1;
    });
    await respond(request, response, answer ?? { status: 500 });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/v1`;
  return {
    url,
    asked,
    abandoned: () => abandoned,
    model: ({ name = "model-1", timeoutMs } = {}) =>
      new OpenAIModel({ apiKey: "none", baseUrl: url, model: name, maxRetries: 0, timeoutMs }),
  };
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  { texts = [], calls = [], end = "whole", status = 200, until, after, reason, raw }: Answer,
): Promise<void> {
  if (request.url !== "/v1/chat/completions" || status !== 200) {
    response.writeHead(status === 200 ? 404 : status, { "content-type": "application/json" });
    response.end(JSON.stringify({ error: { message: "refused" } }));
    return;
  }
  await after;
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.flushHeaders();
  for (const content of texts) send(response, { content });
  for (const [index, { id, name, arguments: whole }] of calls.entries()) {
    const half = Math.ceil(whole.length / 2);
    const begin = { name, arguments: whole.slice(0, half) };
    send(response, { tool_calls: [{ index, id, type: "function", function: begin }] });
    // As some endpoints do, with null for what the first piece had.
    const rest = { name: null, arguments: whole.slice(half) };
    send(response, { tool_calls: [{ index, id: null, type: null, function: rest }] });
  }
  await until;
  if (raw) return void response.end(`data: ${JSON.stringify(raw)}\n\n`);
  if (end === "silence") return;
  if (end === "cut short") return void response.end();
  if (end === "broken off") return void response.destroy();
  if (end === "rate limit") {
    const error = { message: "too much", code: "rate_limit_exceeded" };
    return void response.end(`data: ${JSON.stringify({ error })}\n\n`);
  }
  send(response, {}, reason ?? (calls.length > 0 ? "tool_calls" : "stop"));
  write(response, { choices: [], usage: toUsage() });
  response.end("data: [DONE]\n\n");
}

function send(response: ServerResponse, delta: object, finishReason: string | null = null): void {
  write(response, { choices: [{ index: 0, delta, finish_reason: finishReason }] });
}

function write(response: ServerResponse, chunk: object): void {
  const common = { id: "answer", object: "chat.completion.chunk", created: 1, model: "model-1" };
  response.write(`data: ${JSON.stringify({ ...common, ...chunk })}\n\n`);
}

function toUsage() {
  return {
    prompt_tokens: USAGE.promptTokens,
    completion_tokens: USAGE.completionTokens,
    total_tokens: USAGE.promptTokens + USAGE.completionTokens,
    prompt_tokens_details: { cached_tokens: USAGE.cachedTokens },
    completion_tokens_details: { reasoning_tokens: USAGE.reasoningTokens },
  };
}
