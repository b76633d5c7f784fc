import { expect, it } from "vitest";
import { describeDatabases } from "../support/databases.js";
import { watch } from "../support/stream-oracle.js";
import { connectForTest, startTestServer } from "../support/test-server.js";
import { shareServer } from "./shared-server.js";

const END = { role: "system", content: "the end" } as const;

describeDatabases("a follower of a fork", (database) => {
  const server = shareServer(database);

  it("gets what it shares and what comes, and nothing of its origin's changes", async () => {
    const state = await server.connect();
    const origin = await state.sessions.create();
    const { messages } = await origin.append(
      ["one", "two"].map((content) => ({ role: "user", content })),
    );
    const [one, two] = messages;
    const fork = await origin.fork();
    const oracles = [watch(fork, { deltas: true }), watch(origin), watch(fork, { last: 1 })];
    await Promise.all(oracles.map((oracle) => oracle.caughtUp()));

    await origin.updateMessage(one?.id ?? "", { content: "of the origin" });
    await fork.updateMessage(two?.id ?? "", { content: "of the fork" });
    await fork.deleteMessage(one?.id ?? "");
    const { headSequence } = await fork.append(END);
    await origin.append(END);

    for (const oracle of oracles) {
      await oracle.settled(headSequence);
      await oracle.check();
    }
    const [ofFork, ofOrigin] = oracles.map(({ events }) => JSON.stringify(events));
    expect(ofFork).not.toContain("of the origin");
    expect(ofOrigin).not.toContain("of the fork");
  });

  it("is refused its origin's resume token", async () => {
    const state = await server.connect();
    const origin = await state.sessions.create();
    await origin.append({ role: "user", content: "one" });
    const oracle = watch(origin);
    await oracle.caughtUp();
    const fork = await origin.fork();

    const following = fork.follow({ resumeToken: oracle.resumeToken }).next();

    await expect(following).rejects.toMatchObject({ code: "invalid_argument" });
  });
});

describeDatabases(
  "a fork in a group of servers",
  (database) => {
    it("is read, followed and forked on another server than its own", async () => {
      const url = await database.create();
      const [near, far] = [
        await startTestServer({ database: url }),
        await startTestServer({ database: url }),
      ];
      const here = await connectForTest(near.address);
      const there = await connectForTest(far.address);
      const origin = await here.sessions.create();
      await origin.append({ role: "user", content: "one" });
      const fork = await origin.fork();
      const elsewhere = await there.sessions.get(fork.id);
      const oracle = watch(elsewhere);
      await oracle.caughtUp();

      const { headSequence } = await fork.append(END);

      await oracle.settled(headSequence);
      await oracle.check();
      expect((await elsewhere.fork()).info).toMatchObject({ headSequence, forkSessionId: fork.id });
    });
  },
  ["postgres", "mariadb", "mysql"],
);
