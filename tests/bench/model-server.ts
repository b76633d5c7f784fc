import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const TEXTS = ["An answer", " of a few", " tokens."];
const COMMON = { id: "answer", object: "chat.completion.chunk", created: 1, model: "bench" };
const USAGE = { prompt_tokens: 20, completion_tokens: 7, total_tokens: 27 };

/** A server inside this process that speaks OpenAI's chat completions, and thinks little. */
export class ModelServer {
  /** How long it waits before the first token, in milliseconds. */
  delayMs = 0;
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      request.resume();
      request.on("end", () => {
        if (this.delayMs === 0) answer(response);
        else setTimeout(answer, this.delayMs, response);
      });
    });
  }

  /** Starts it on a free port. */
  static async start(): Promise<ModelServer> {
    const started = new ModelServer();
    started.#server.listen(0, "127.0.0.1");
    await once(started.#server, "listening");
    return started;
  }

  /** Where it is, as OPENAI_BASE_URL has it. */
  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}/v1`;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

function answer(response: ServerResponse): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const content of TEXTS) write(response, { choices: [{ index: 0, delta: { content } }] });
  write(response, { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
  write(response, { choices: [], usage: USAGE });
  response.end("data: [DONE]\n\n");
}

function write(response: ServerResponse, chunk: object): void {
  response.write(`data: ${JSON.stringify({ ...COMMON, ...chunk })}\n\n`);
}
