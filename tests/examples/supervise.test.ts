import { expect, it } from "vitest";
import { gate } from "../agent/gate.js";
import { describeDatabases } from "../support/databases.js";
import { startExample } from "./example-process.js";
import { startSurroundings } from "./surroundings.js";

describeDatabases("the example supervise", (database) => {
  it("shows what another process's agent answers, while it does", async () => {
    const seen = gate();
    const answers = [{ texts: ["Live", " from", " afar: ü"], until: seen.opened }];
    const { surroundings } = await startSurroundings(database, answers);
    const chat = startExample("chat", ["show"], surroundings);
    await chat.untilWritten("stdout", "> ");
    const supervisor = startExample("supervise", ["show", "--once"], surroundings);
    await supervisor.untilWritten("stderr", "following show");

    chat.type("Are you there?");
    await supervisor.untilWritten("stdout", "Live from afar: ü");
    seen.open();
    const output = await supervisor.ended();

    expect(output).toBe("Live from afar: ü\n");
  });

  it("shows one answer after the other", async () => {
    const { surroundings } = await startSurroundings(database, [
      { texts: ["One"] },
      { texts: ["One", " and two"] },
    ]);
    const chat = startExample("chat", ["show"], surroundings);
    await chat.untilWritten("stdout", "> ");
    const supervisor = startExample("supervise", ["show"], surroundings);
    await supervisor.untilWritten("stderr", "following show");

    chat.type("Count");
    chat.type("Count on");
    await supervisor.untilWritten("stdout", "two\n");

    expect(supervisor.stdout()).toBe("One\nOne and two\n");
  });
});
