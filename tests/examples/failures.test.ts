import { expect, it } from "vitest";
import { describeDatabases } from "../support/databases.js";
import { startExample } from "./example-process.js";
import { startSurroundings } from "./surroundings.js";

describeDatabases("an example", (database) => {
  it.each(["chat", "resume", "two-answers"])(
    "says that %s needs a key, in a line",
    async (name) => {
      const { surroundings, store } = await startSurroundings(database, []);
      const session = await store.sessions.open({ key: "story" });
      await session.append({ role: "user", content: "Really?" });

      const program = startExample(name, ["story"], { ...surroundings, modelKey: "" });

      expect(await program.failed()).toMatch(/^OPENAI_API_KEY: is not set.*\n$/);
    },
  );
});

it("examples say that there is no server, in a line", async () => {
  const nowhere = { address: "unix:/nonexistent/socket", modelUrl: "http://127.0.0.1:9" };
  const names = ["chat", "resume", "supervise", "two-answers"];

  const programs = names.map((name) => startExample(name, ["story"], nowhere));
  const complaints = await Promise.all(programs.map((program) => program.failed()));

  const line = /^cannot reach unix:\/nonexistent\/socket .*\n$/;
  expect(complaints).toEqual(names.map(() => expect.stringMatching(line)));
});
