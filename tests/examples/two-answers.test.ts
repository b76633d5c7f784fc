import { expect, it } from "vitest";
import { stored } from "../agent/agents.js";
import { collect } from "../support/collect.js";
import { describeDatabases } from "../support/databases.js";
import { startExample } from "./example-process.js";
import { startSurroundings } from "./surroundings.js";

describeDatabases("the example two-answers", (database) => {
  it("keeps the fork with the chosen answer, and the conversation as it is", async () => {
    const { surroundings, store } = await startSurroundings(database, ({ messages }) => ({
      texts: [`${messages[0]?.content} ${messages.at(-1)?.content}`],
    }));
    const session = await store.sessions.open({ key: "question" });
    await session.append([
      { role: "user", content: "Why?" },
      { role: "assistant", content: "Because" },
      { role: "user", content: "Really?" },
      { role: "assistant", content: "No" },
    ]);
    const before = await session.refresh();

    const program = startExample("two-answers", ["question"], surroundings);
    program.type("3");
    program.type("2");
    const output = await program.ended();
    const forks = await collect(store.sessions.list({ forkSessionId: session.id }));

    expect(output).toContain("1. Answer in one sentence. Really?\n");
    expect(output).toContain("2. Answer with an example. Really?\n");
    expect(forks).toMatchObject([{ title: "Answer with an example.", forkSequence: 3 }]);
    expect(output).toContain(`chat.js ${forks[0]?.id}`);
    expect(await stored(store, forks[0]?.id ?? "")).toEqual([
      "user: Why?",
      "assistant: Because",
      "user: Really?",
      "assistant: Answer with an example. Really?",
    ]);
    expect(await session.refresh()).toEqual(before);
  });

  it("leaves no fork behind where an answer fails", async () => {
    const { surroundings, store } = await startSurroundings(database, ({ messages }) =>
      messages[0]?.content === "Answer with an example." ? { status: 400 } : { texts: ["Yes"] },
    );
    const session = await store.sessions.open({ key: "question" });
    await session.append({ role: "user", content: "Really?" });

    const complaint = await startExample("two-answers", ["question"], surroundings).failed();

    expect(complaint).toBe("400 refused\n");
    expect(await collect(store.sessions.list({ forkSessionId: session.id }))).toEqual([]);
  });

  it("keeps both where none is chosen", async () => {
    const { surroundings, store } = await startSurroundings(database, () => ({ texts: ["Yes"] }));
    const session = await store.sessions.open({ key: "question" });
    await session.append({ role: "user", content: "Really?" });

    const program = startExample("two-answers", ["question"], surroundings);
    program.endInput();
    await program.ended();

    expect(await collect(store.sessions.list({ forkSessionId: session.id }))).toHaveLength(2);
    expect(await stored(store, session.id)).toEqual(["user: Really?"]);
  });
});
