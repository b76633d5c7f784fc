import type { Session, State } from "@mofa-state/client";
import type { ServerOptions } from "@mofa-state/server";
import { expect, it } from "vitest";
import { describeDatabases, type TestDatabase } from "../support/databases.js";
import { watch } from "../support/stream-oracle.js";
import { connectForTest, startTestServer } from "../support/test-server.js";

/** Starts two servers on one database, and connects to each. */
async function startGroup(
  database: TestDatabase,
  options: ServerOptions = {},
): Promise<readonly [State, State]> {
  const url = await database.create();
  const connectToOne = async () => {
    const { address } = await startTestServer({ ...options, database: url });
    return connectForTest(address);
  };
  return [await connectToOne(), await connectToOne()];
}

/** Opens a new session on both servers. */
async function createOnBoth([near, far]: readonly [State, State]) {
  const here = await near.sessions.create();
  return [here, await far.sessions.get(here.id)] as const;
}

async function appendLast(session: Session): Promise<number> {
  return (await session.append({ role: "system", content: "the end" })).headSequence;
}

describeDatabases(
  "a follower on another server of a group",
  (database) => {
    it.each([
      ["that rings", {}],
      ["that does not ring", { databaseNotify: false, pollIntervalMs: 50 }],
    ])("%s gets what happens on each of them", async (_, options) => {
      const [here, there] = await createOnBoth(await startGroup(database, options));
      const oracles = [here, there].flatMap((session) => [
        watch(session, { deltas: true }),
        watch(session),
      ]);
      await Promise.all(oracles.map((oracle) => oracle.caughtUp()));

      for (let round = 0; round < 6; round++) {
        for (const [session, other] of [
          [here, there],
          [there, here],
        ] as const) {
          const { messages } = await session.append({ role: "user", content: "question" });
          const id = messages[0]?.id ?? "";
          await other.updateMessage(id, { content: `edit ${round}` });
          await session.state.put({ round }, { key: "plan" });
          await other.update({ title: `round ${round}` });
          if (round % 3 === 0) await session.deleteMessage(id);
        }
      }
      await there.clear({ after: 9 });
      const last = await appendLast(here);

      for (const oracle of oracles) {
        await oracle.settled(last);
        await oracle.check();
      }
    });

    it("sees a message grow that is written on the first, and end", async () => {
      const group = await startGroup(database, { writeCheckpointMs: 20 });
      const [here, there] = await createOnBoth(group);
      const oracle = watch(there, { deltas: true });
      const writer = here.write({ role: "assistant" });

      for (const piece of ["Once ", "upon ", "a time"]) {
        await writer.write(piece);
        await oracle.untilHeld(({ messages }) => messages.get(1)?.content.endsWith(piece) ?? false);
      }
      const message = await writer.finish();
      await oracle.settled(await appendLast(here));

      expect(oracle.replica.messages.get(1)).toEqual(message);
      expect(message.content).toBe("Once upon a time");
      await oracle.check();
    });

    it("goes on with the token of another server", async () => {
      const [here, there] = await createOnBoth(await startGroup(database));
      const first = await here.append([{ role: "user" }, { role: "user" }]);
      const before = watch(here);
      await before.settled(2);
      await before.stop();
      await here.deleteMessage(first.messages[0]?.id ?? "");
      await here.append({ role: "user" });

      const oracle = await before.resume(there);
      await oracle.settled(await appendLast(here));

      expect([...oracle.replica.messages.keys()]).toEqual([2, 3, 4]);
      await oracle.check();
    });

    it("is told of the session's end", async () => {
      const [here, there] = await createOnBoth(await startGroup(database));
      const oracle = watch(there);
      await oracle.caughtUp();

      await here.delete();

      expect(await oracle.failed()).toMatchObject({ reason: "SESSION_DELETED" });
      expect(oracle.events.at(-1)?.type).toBe("session_deleted");
    });
  },
  ["postgres", "mariadb", "mysql"],
);
