import { expect, it } from "vitest";
import { collect } from "../support/collect.js";
import { describeDatabases } from "../support/databases.js";
import { startExample } from "./example-process.js";
import { startSurroundings } from "./surroundings.js";

describeDatabases("the example chat", (database) => {
  it("goes on with its conversation after a restart", async () => {
    const { surroundings, model } = await startSurroundings(database, [
      { texts: ["Hello", " Ann"] },
      { texts: ["You are Ann"] },
    ]);

    const first = startExample("chat", ["holiday"], surroundings);
    first.type("I am Ann");
    first.type("/exit");
    await first.ended();
    const second = startExample("chat", ["holiday"], surroundings);
    second.type("/history");
    second.type("Who am I?");
    second.type("/exit");
    const output = await second.ended();

    expect(first.stdout()).toContain("Hello Ann\n");
    expect(output).toContain("user: I am Ann\nassistant: Hello Ann\n");
    expect(output).toContain("You are Ann\n");
    expect(model.asked[1]?.messages.map(({ role, content }) => `${role}: ${content}`)).toEqual([
      "system: You are a friendly assistant, and brief.",
      "user: I am Ann",
      "assistant: Hello Ann",
      "user: Who am I?",
    ]);
  });

  it("keeps its conversations apart, and lists them", async () => {
    const { surroundings, model } = await startSurroundings(database, ({ messages }) => ({
      texts: [`You said ${messages.at(-1)?.content}`],
    }));

    const chat = startExample("chat", ["holiday"], surroundings);
    for (const line of ["Sun", "/switch work", "Meeting", "/switch holiday", "/history"]) {
      chat.type(line);
    }
    await chat.untilWritten("stdout", "assistant: You said Sun\n");
    chat.type("/sessions");
    chat.type("/exit");
    const output = await chat.ended();

    expect(output).not.toContain("user: Meeting");
    expect(output).toContain("* holiday, 2 messages\n");
    expect(output).toContain("  work, 2 messages\n");
    expect(model.asked.map(({ messages }) => messages.length)).toEqual([2, 2]);
  });

  it("says how /switch is used where it names nothing", async () => {
    const { surroundings, store } = await startSurroundings(database, []);

    const chat = startExample("chat", ["holiday"], surroundings);
    for (const line of ["/switch", "/switch ", "/exit"]) chat.type(line);
    const output = await chat.ended();

    expect(output.match(/usage: \/switch NAME\n/g)).toHaveLength(2);
    expect(await collect(store.sessions.list())).toHaveLength(1);
  });

  it("says what the model fails with, and goes on", async () => {
    const { surroundings } = await startSurroundings(database, [
      { status: 400 },
      { texts: ["Better"] },
    ]);

    const chat = startExample("chat", ["holiday"], surroundings);
    chat.type("Hello?");
    chat.type("Hello");
    chat.type("/exit");
    const output = await chat.ended();

    expect(output).toContain("refused");
    expect(output).toContain("Better\n");
  });
});
