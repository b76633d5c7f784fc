import type { Session } from "@mofa-state/client";
import { expect, it } from "vitest";
import { describeDatabases } from "../support/databases.js";
import { startTestState } from "../support/test-server.js";

const WRITERS = Array.from({ length: 8 }, (_, writer) => `writer ${writer}`);

const VERSION_CONFLICT = { code: "aborted", reason: "VERSION_CONFLICT" };

/** What a message of the session is known by, and a first version of it. */
async function appendOne(session: Session): Promise<{ readonly id: string; version: number }> {
  const { messages } = await session.append({ role: "user", content: "first" });
  const [message] = messages;
  if (message === undefined) throw new Error("the append gave no message");
  return message;
}

describeDatabases("writers that meet", (database) => {
  it("loses no key where many set one each at the same time", async () => {
    const state = await startTestState(database);
    const session = await state.sessions.create({ metadata: { gone: true, kept: null } });

    await Promise.all([
      ...WRITERS.map((writer) => session.update({ metadataSet: { [writer]: true } })),
      session.update({ metadataRemove: ["gone"] }),
    ]);

    const { metadata, version, revision } = await session.refresh();
    const set = Object.fromEntries(WRITERS.map((writer) => [writer, true]));
    expect(metadata).toEqual({ kept: null, ...set });
    expect(version).toBe(1 + WRITERS.length + 1);
    expect(revision).toBe(1 + WRITERS.length + 1);
  });

  it("lets one of many change a message from one version", async () => {
    const state = await startTestState(database);
    const session = await state.sessions.create();
    const { id, version } = await appendOne(session);

    const outcomes = await Promise.allSettled(
      WRITERS.map((content) =>
        session.updateMessage(id, { content }, { expectedVersion: version }),
      ),
    );

    const winners = outcomes.flatMap((outcome) =>
      outcome.status === "fulfilled" ? [outcome.value] : [],
    );
    const losers = outcomes.flatMap((outcome) =>
      outcome.status === "rejected" ? [outcome.reason] : [],
    );
    expect(winners).toHaveLength(1);
    for (const loser of losers) expect(loser).toMatchObject(VERSION_CONFLICT);
    expect(await session.getMessage(id)).toEqual(winners[0]);
    expect(winners[0]?.version).toBe(version + 1);
  });

  it("lets one of many append at one head", async () => {
    const state = await startTestState(database);
    const session = await state.sessions.create();

    const outcomes = await Promise.allSettled(
      WRITERS.map((content) =>
        session.append({ role: "user", content }, { expectedHeadSequence: 0 }),
      ),
    );

    const losers = outcomes.flatMap((outcome) =>
      outcome.status === "rejected" ? [outcome.reason] : [],
    );
    expect(losers).toHaveLength(WRITERS.length - 1);
    for (const loser of losers) {
      expect(loser).toMatchObject({
        code: "aborted",
        reason: "SEQUENCE_CONFLICT",
        metadata: { expected: "0", actual: "1" },
      });
    }
    expect((await session.refresh()).headSequence).toBe(1);
  });

  it("opens one session for all that open one key at the same time", async () => {
    const state = await startTestState(database);

    const sessions = await Promise.all(
      WRITERS.map((title) => state.sessions.open({ key: "shared", title })),
    );

    expect(new Set(sessions.map(({ id }) => id)).size).toBe(1);
    expect(sessions.filter(({ created }) => created)).toHaveLength(1);
    expect((await state.status()).sessionCount).toBe(1);
  });
});
