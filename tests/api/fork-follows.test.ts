import { randomUUID } from "node:crypto";
import type { Session } from "@mofa-state/client";
import { expect, it } from "vitest";
import { describeDatabases, type TestDatabase } from "../support/databases.js";
import { type StreamOracle, watch } from "../support/stream-oracle.js";
import { connectForTest, startTestServer } from "../support/test-server.js";
import { shareServer } from "./shared-server.js";

/** How often a session and its fork are changed in turn. */
const ROUNDS = 6;

const END = { role: "system", content: "the end" } as const;

function newMessages(...contents: readonly string[]) {
  return contents.map((content) => ({ id: randomUUID(), role: "user" as const, content }));
}

/** Changes a session in every way, what it shares and what is its own; names itself in all of it. */
async function changeAll(session: Session, name: string, shared: readonly string[]): Promise<void> {
  const [edited = "", deleted = ""] = shared;
  await session.updateMessage(edited, { content: `edited ${name}` });
  await session.deleteMessage(deleted);
  const { messages, headSequence } = await session.append(newMessages(`a ${name}`, `b ${name}`));
  await session.updateMessage(messages[0]?.id ?? "", { content: `c ${name}` });
  await session.state.put({ name }, { key: "plan" });
  await session.update({ title: name });
  await session.clear({ after: headSequence - 1 });
}

/** Waits until followers have had all of a session, and checks that they hold what it shows. */
async function checkAll(session: Session, oracles: readonly StreamOracle[]): Promise<void> {
  const { headSequence } = await session.append(END);
  for (const oracle of oracles) {
    await oracle.settled(headSequence);
    await oracle.check();
  }
}

describeDatabases("a follower of a fork", (database) => {
  const server = shareServer(database, { writeCheckpointMs: 20 });

  async function createWith(...contents: readonly string[]) {
    const state = await server.connect();
    const origin = await state.sessions.create();
    const { messages } = await origin.append(newMessages(...contents));
    return { origin, ids: messages.map(({ id }) => id) };
  }

  it("gets what it shares and what comes, and nothing of its origin's changes", async () => {
    const { origin, ids } = await createWith("one", "two");
    const [one = "", two = ""] = ids;
    const fork = await origin.fork();
    const oracles = [watch(fork, { deltas: true }), watch(origin), watch(fork, { last: 1 })];
    await Promise.all(oracles.map((oracle) => oracle.caughtUp()));

    await origin.updateMessage(one, { content: "of the origin" });
    await fork.updateMessage(two, { content: "of the fork" });
    await fork.deleteMessage(one);
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

  it("is right whatever is done to the sessions that share its messages", async () => {
    const contents = Array.from({ length: 4 * ROUNDS }, (_, n) => `${n}`);
    const { origin, ids } = await createWith(...contents);
    const fork = await origin.fork();
    const leaf = await fork.fork({ at: 3 * ROUNDS });
    const sessions = [origin, fork, leaf];
    const oracles = sessions.map((session) => [
      watch(session),
      watch(session, { deltas: true, frameMaxMessages: 1 }),
    ]);
    await Promise.all(oracles.flat().map((oracle) => oracle.caughtUp()));

    for (let round = 0; round < ROUNDS; round++) {
      const shared = ids.slice(2 * round);
      // What is edited then is an edit that is shared itself.
      if (round % 2 === 1) await Promise.all(sessions.map((session) => session.fork()));
      const changes = sessions.map((session, n) => changeAll(session, `by ${n}`, shared));
      await Promise.all(changes);
      const [edited = ""] = ids;
      const edits = sessions.map((session, n) =>
        session.updateMessage(edited, { content: `round ${round} by ${n}` }),
      );
      await Promise.all(edits);
    }
    await Promise.all(sessions.map((session) => session.clear({ after: 2 * ROUNDS - 2 })));

    for (const [n, session] of sessions.entries()) await checkAll(session, oracles[n] ?? []);
    for (const [n, [whole]] of oracles.entries()) {
      const names = new Set(JSON.stringify(whole?.events).match(/by \d/g));
      expect([...names]).toEqual([`by ${n}`]);
    }
  });

  it("goes on where it broke off, also when its origin is gone", async () => {
    const { origin, ids } = await createWith("one", "two", "three");
    const fork = await origin.fork({ at: 2 });
    await fork.append(newMessages("own"));
    const before = watch(fork, { frameMaxMessages: 1 });
    await before.settled(1);
    await before.caughtUp();
    await before.stop();
    await changeAll(origin, "by the origin", ids);
    await origin.delete();
    await changeAll(fork, "by the fork", ids);

    const oracle = await before.resume();

    await checkAll(fork, [oracle]);
    const held = [...oracle.replica.messages.values()].map(({ content }) => content);
    expect(held).toEqual(["edited by the fork", "own", "c by the fork", "the end"]);
    expect(oracle.events.some(({ type }) => type === "session_deleted")).toBe(false);
    expect(JSON.stringify(oracle.events)).not.toContain("by the origin");
  });

  it("sees a shared message grow on in the fork, and the origin's followers do not", async () => {
    const { origin } = await createWith("one");
    const header = { id: randomUUID(), role: "assistant" } as const;
    const cut = origin.write(header);
    await cut.write("Hel");
    await cut.interrupt();
    const fork = await origin.fork();
    const [growing, plain, ofOrigin] = [watch(fork, { deltas: true }), watch(fork), watch(origin)];
    await Promise.all([growing, plain, ofOrigin].map((oracle) => oracle.caughtUp()));

    const reply = fork.write(header);
    for (const [piece, text] of [
      ["met", "Helmet"],
      [" on", "Helmet on"],
    ] as const) {
      await reply.write(piece);
      await growing.untilHeld(({ messages }) => messages.get(2)?.content === text);
    }
    const joining = watch(fork, { deltas: true });
    await joining.untilHeld(({ messages }) => messages.get(2)?.content === "Helmet on");
    await joining.caughtUp();
    await reply.write(" head");
    await joining.untilHeld(({ messages }) => messages.get(2)?.content === "Helmet on head");
    await reply.finish();

    await checkAll(fork, [growing, plain, joining]);
    await checkAll(origin, [ofOrigin]);
    const types = new Set(growing.events.map(({ type }) => type));
    expect(types).toContain("text_delta");
    expect(ofOrigin.replica.messages.get(2)).toMatchObject({
      content: "Hel",
      status: "interrupted",
    });
    expect(new Set(ofOrigin.events.map(({ type }) => type))).toEqual(new Set(["message"]));
  });

  it("is refused its origin's resume token, and its origin's follower its own", async () => {
    const { origin } = await createWith("one");
    const fork = await origin.fork();
    const [ofOrigin, ofFork] = [watch(origin), watch(fork)];
    await Promise.all([ofOrigin.caughtUp(), ofFork.caughtUp()]);

    const followings = [
      fork.follow({ resumeToken: ofOrigin.resumeToken }).next(),
      origin.follow({ resumeToken: ofFork.resumeToken }).next(),
    ];

    for (const following of followings) {
      await expect(following).rejects.toMatchObject({ code: "invalid_argument" });
    }
  });
});

/** Starts two servers on one database, and gives a fork on each, with its origin and what they share. */
async function startGroup(database: TestDatabase) {
  const url = await database.create();
  const [near, far] = [
    await startTestServer({ database: url }),
    await startTestServer({ database: url }),
  ];
  const here = await connectForTest(near.address);
  const there = await connectForTest(far.address);
  const origin = await here.sessions.create();
  const { messages } = await origin.append(newMessages("one", "two", "three"));
  const fork = await origin.fork();
  const elsewhere = await there.sessions.get(fork.id);
  return { origin, fork, elsewhere, ids: messages.map(({ id }) => id) };
}

describeDatabases(
  "a fork in a group of servers",
  (database) => {
    it("is read, followed and forked on another server than its own", async () => {
      const { fork, elsewhere } = await startGroup(database);
      const oracle = watch(elsewhere);
      await oracle.caughtUp();

      const { headSequence } = await fork.append(END);

      await oracle.settled(headSequence);
      await oracle.check();
      expect((await elsewhere.fork()).info).toMatchObject({ headSequence, forkSessionId: fork.id });
    });

    it("is followed on with the token of another server, through changes on both", async () => {
      const { origin, fork, elsewhere, ids } = await startGroup(database);
      const before = watch(fork);
      await before.settled(3);
      await before.stop();
      await changeAll(fork, "by the fork", ids);
      await changeAll(origin, "by the origin", ids.toReversed());

      const oracle = await before.resume(elsewhere);
      await oracle.caughtUp();
      await elsewhere.updateMessage(ids[2] ?? "", { content: "by the other server" });

      await checkAll(elsewhere, [oracle]);
      expect(JSON.stringify(oracle.events)).toContain("by the other server");
      expect(JSON.stringify(oracle.events)).not.toContain("by the origin");
    });

    it("is refused its origin's token on the other server too", async () => {
      const { origin, elsewhere } = await startGroup(database);
      const ofOrigin = watch(origin);
      await ofOrigin.caughtUp();

      const following = elsewhere.follow({ resumeToken: ofOrigin.resumeToken }).next();

      await expect(following).rejects.toMatchObject({ code: "invalid_argument" });
    });
  },
  ["postgres", "mariadb", "mysql"],
);
