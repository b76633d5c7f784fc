import type { Message } from "@mofa-state/client";
import type { Tool } from "@mofa-state/client/agent";
import { expect, it } from "vitest";
import { shareServer } from "../api/shared-server.js";
import { describeDatabases } from "../support/databases.js";
import { agentOn } from "./agents.js";
import { startModelServer } from "./model-server.js";

const KIB = 1024;
const MIB = 1024 * KIB;
const LIMIT = 64 * KIB;

/** A tool that gives as many bytes as it is asked for. */
const READ: Tool = {
  name: "read",
  description: "Gives bytes.",
  parameters: { type: "object" },
  run: ({ bytes }) => "x".repeat(Number(bytes)),
};

function resultsOf(history: readonly Message[]) {
  return history
    .flatMap(({ parts }) => parts)
    .filter((part) => part.type === "tool_result")
    .map(({ text, isError }) => (isError ? text : text.length));
}

describeDatabases("a tool's result", (database) => {
  const strict = shareServer(database, { limits: { maxRequestBytes: LIMIT } });
  const usual = shareServer(database);

  async function readBytes(server: typeof strict, sizes: readonly number[]) {
    const store = await server.connect();
    const calls = sizes.map((bytes, index) => {
      return { id: `c${index}`, name: "read", arguments: JSON.stringify({ bytes }) };
    });
    const { model } = await startModelServer([{ calls }, { texts: ["read"] }, { texts: ["on"] }]);
    const agent = await agentOn(store).withModel(model()).withTools([READ]).build();
    const replies = [await agent.chat("Read"), await agent.chat("And on?")];
    return { replies, results: resultsOf(await agent.history()) };
  }

  it.each([
    ["a request may be", 100 * KIB],
    ["any request may be", 2 * MIB],
  ])("that is larger than %s is an error that tells the model so", async (_, bytes) => {
    const { replies, results } = await readBytes(strict, [10, bytes]);

    expect(replies).toEqual(["read", "on"]);
    expect(results).toEqual([10, expect.stringMatching(`${bytes} bytes`)]);
  });

  it("that is too large names the limit", async () => {
    const { results } = await readBytes(strict, [100 * KIB]);

    expect(results).toEqual([expect.stringMatching(`store takes ${LIMIT}:`)]);
  });

  it("is stored by itself where all of a step are too large together", async () => {
    const { replies, results } = await readBytes(strict, [40 * KIB, 50 * KIB]);

    expect(replies).toEqual(["read", "on"]);
    expect(results).toEqual([40 * KIB, 50 * KIB]);
  });

  it.each([
    [[5, 5], [5]],
    [
      [2, 2, 2, 1, 2, 2],
      [2, 2, 1, 2],
    ],
    [[1, 9], [1]],
  ])("is refused where those of a step, of %j MiB, leave no room for it", async (sizes, kept) => {
    const { replies, results } = await readBytes(
      usual,
      sizes.map((size) => size * MIB),
    );

    expect(replies).toEqual(["read", "on"]);
    expect(results).toHaveLength(sizes.length);
    const whole = results.filter((result) => typeof result === "number");
    expect(whole.map((bytes) => bytes / MIB).sort()).toEqual(kept.toSorted());
  });

  it("that no context has room for is an error that tells the model so", async () => {
    const { replies, results } = await readBytes(usual, [9 * MIB]);

    expect(replies).toEqual(["read", "on"]);
    expect(results).toEqual([expect.stringMatching(`${9 * MIB} bytes.* ${8 * MIB} at most`)]);
  });
});
