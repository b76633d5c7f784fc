import { expect, it } from "vitest";
import { stored } from "../agent/agents.js";
import { describeDatabases } from "../support/databases.js";
import { startExample } from "./example-process.js";
import { startSurroundings } from "./surroundings.js";

const NEVER = new Promise(() => undefined);
const ARGS = ["--write-lease-ms", "1000", "--write-checkpoint-ms", "10"];

describeDatabases("the example resume", (database) => {
  it("shows what an answer had that kill -9 cut off, and finishes the turn", async () => {
    const answers = [
      { texts: ["Once", " upon"], until: NEVER },
      { texts: ["Once upon", " a time"] },
    ];
    const { surroundings, model, store } = await startSurroundings(database, answers, ARGS);

    const killed = startExample("resume", ["story", "Tell me a story"], surroundings);
    await killed.untilWritten("stdout", "Once upon");
    const { id } = await store.sessions.get({ key: "story" });
    await expect
      .poll(() => stored(store, id))
      .toContainEqual(expect.stringMatching(/^assistant: Once upon /));
    await killed.crash();
    const output = await startExample("resume", ["story"], surroundings).ended();

    expect(output.split("\n")).toEqual([
      "assistant: Once upon",
      "this is unfinished, so the agent goes on:",
      "Once upon a time",
      "",
    ]);
    expect(model.asked.at(-1)?.messages.map(({ content }) => content)).toEqual(["Tell me a story"]);
    expect(await stored(store, id)).toEqual([
      "user: Tell me a story",
      "assistant: Once upon (interrupted)",
      "assistant: Once upon a time",
    ]);
  });

  it("leaves a conversation alone that is finished", async () => {
    const { surroundings, model } = await startSurroundings(database, [{ texts: ["The end"] }]);

    await startExample("resume", ["story", "Tell me a story"], surroundings).ended();
    const output = await startExample("resume", ["story"], surroundings).ended();

    expect(output).toBe("assistant: The end\nthere is nothing to go on with\n");
    expect(model.asked).toHaveLength(1);
  });
});
