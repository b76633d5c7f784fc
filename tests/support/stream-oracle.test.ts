import type { SessionEvent } from "@mofa-state/client";
import { expect, it } from "vitest";
import { describeDatabases, type TestDatabase } from "./databases.js";
import { type StreamOracle, watch } from "./stream-oracle.js";
import { startTestState } from "./test-server.js";

/** Follows a session in which this and that happens. */
async function followSome(database: TestDatabase): Promise<StreamOracle> {
  const state = await startTestState(database);
  const session = await state.sessions.create();
  const oracle = watch(session, { frameMaxMessages: 1 });
  await oracle.caughtUp();
  for (let number = 0; number < 10; number++) {
    const { messages } = await session.append({ role: "user", content: `${number}` });
    if (number === 5) await session.updateMessage(messages[0]?.id ?? "", { content: "edit" });
    if (number === 7) await session.deleteMessage(messages[0]?.id ?? "");
  }
  await oracle.settled(10);
  return oracle;
}

/** Gives the place of an event of this type. */
function placeOf(oracle: StreamOracle, type: SessionEvent["type"]): number {
  return oracle.events.findIndex((event) => event.type === type);
}

const FAULTS: Readonly<Record<string, (oracle: StreamOracle) => void>> = {
  "lost a message": ({ events }) => void events.splice(3, 1),
  "got a message twice": ({ events }) => void events.splice(3, 0, ...events.slice(2, 3)),
  "got two messages the wrong way round": ({ events }) =>
    void events.splice(3, 2, ...events.slice(3, 5).reverse()),
  "lost an edit": (oracle) => void oracle.events.splice(placeOf(oracle, "message_updated"), 1),
  "lost a deletion": (oracle) => void oracle.events.splice(placeOf(oracle, "message_deleted"), 1),
  "got a token that skips a message": ({ events }) => {
    const [early, late] = [events[3], events[4]];
    if (early !== undefined) events[3] = { ...early, resumeToken: late?.resumeToken };
  },
  "got a token that repeats a message": ({ events }) => {
    const [early, late] = [events[3], events[4]];
    if (late !== undefined) events[4] = { ...late, resumeToken: early?.resumeToken };
  },
  "had caught up at a token that skips a message": ({ caughtUps, events }) => {
    const [caughtUp, resumeToken] = [caughtUps[0], events[0]?.resumeToken];
    if (caughtUp && resumeToken) caughtUps[0] = { ...caughtUp, resumeToken };
  },
};

describeDatabases(
  "the oracle of a stream",
  (database) => {
    it("finds nothing wrong with one that is right", async () => {
      const oracle = await followSome(database);

      expect(await oracle.violations()).toEqual([]);
    });

    it.each(Object.entries(FAULTS))("sees that a follower %s", async (_, plant) => {
      const oracle = await followSome(database);

      plant(oracle);

      expect(await oracle.violations()).not.toEqual([]);
    });
  },
  ["memory"],
);
