import { randomUUID } from "node:crypto";
import { expect, it } from "vitest";
import { startClientProcess } from "../faults/client-process.js";
import { collect } from "../support/collect.js";
import { describeDatabases } from "../support/databases.js";
import { startServerProcess } from "../support/server-process.js";
import { connectForTest } from "../support/test-server.js";
import { agentOn, callsOf, stored } from "./agents.js";
import { gate } from "./gate.js";
import { startModelServer } from "./model-server.js";

const NEVER = new Promise(() => undefined);

describeDatabases("an agent whose process is killed in mid-answer", (database) => {
  it("leaves the text so far, unfinished, and the turn to be gone on with", async () => {
    const args = ["--write-lease-ms", "1000", "--write-checkpoint-ms", "10"];
    const server = await startServerProcess(await database.create(), { args });
    const store = await connectForTest(server.address);
    const { model, url, asked } = await startModelServer([
      { texts: ["Hel", "lo"], until: NEVER },
      { texts: ["Hello again"] },
    ]);
    const { id } = await store.sessions.create();

    const program = startClientProcess("../agent/agent-program.mjs", server.address, id, url);
    await program.untilAtLeast(Buffer.byteLength("Hello"));
    await expect
      .poll(() => stored(store, id))
      .toEqual(["user: Hi", "assistant: Hello (streaming)"]);
    await program.crash();
    const agent = await agentOn(store, { sessionId: id }).withModel(model()).build();
    const resumed = (await collect(agent.resume())).join("");

    expect(resumed).toBe("Hello again");
    expect(asked.at(-1)?.messages.map(({ content }) => content)).toEqual(["Hi"]);
    expect(await stored(store, id)).toEqual([
      "user: Hi",
      "assistant: Hello (interrupted)",
      "assistant: Hello again",
    ]);
  });
});

describeDatabases(
  "an agent whose store fails after the model's answer",
  (database) => {
    it("tells its caller, who has got the answer", async () => {
      const server = await startServerProcess(await database.create());
      const store = await connectForTest(server.address, { timeoutMs: 1_000 });
      const lost = gate();
      const { model } = await startModelServer([{ texts: ["Hello"], until: lost.opened }]);
      const agent = await agentOn(store).withModel(model()).build();
      const pieces: string[] = [];

      const failure = await (async () => {
        for await (const piece of agent.chatStream("Hi")) {
          pieces.push(piece);
          server.kill("SIGKILL");
          await server.exited;
          lost.open();
        }
      })().catch((error: unknown) => error);

      expect(pieces).toEqual(["Hello"]);
      expect(failure).toMatchObject({ code: "unavailable" });
    });

    it("tells a caller who leaves the loop", async () => {
      const server = await startServerProcess(await database.create());
      const store = await connectForTest(server.address, { timeoutMs: 1_000 });
      const { model } = await startModelServer([{ texts: ["Hel"], until: NEVER }]);
      const agent = await agentOn(store).withModel(model()).build();

      const left = (async () => {
        for await (const _ of agent.chatStream("Hi")) {
          server.kill("SIGKILL");
          await server.exited;
          break;
        }
      })();

      await expect(left).rejects.toMatchObject({ code: "unavailable" });
    });

    it("stores it once when the store is back in time", async () => {
      const url = await database.create();
      const server = await startServerProcess(url);
      const store = await connectForTest(server.address);
      const lost = gate();
      const { model } = await startModelServer([{ texts: ["Hello"], until: lost.opened }]);
      const sessionId = randomUUID();
      const agent = await agentOn(store, { sessionId }).withModel(model()).build();

      for await (const _ of agent.chatStream("Hi")) {
        server.kill("SIGKILL");
        await server.exited;
        lost.open();
        await startServerProcess(url, { listen: server.address });
      }

      expect(await stored(store, sessionId)).toEqual(["user: Hi", "assistant: Hello"]);
      expect(await callsOf(store, sessionId)).toMatchObject([{ status: "success" }]);
    });

    it("is an error when it opens its session", async () => {
      const server = await startServerProcess(await database.create());
      const store = await connectForTest(server.address, { timeoutMs: 500 });
      server.kill("SIGKILL");
      await server.exited;

      const opening = agentOn(store)
        .withModel({ stream: async function* () {} })
        .build();

      await expect(opening).rejects.toMatchObject({ code: "unavailable" });
    });
  },
  ["sqlite", "postgres", "mariadb", "mysql"],
);
