import { expect, it, onTestFinished, vi } from "vitest";
import type { SessionRef, Storage } from "../../server/src/domain/storage.js";
import { openDatabase } from "../../server/src/storage/open.js";
import { postgres } from "../../server/src/storage/postgres-dialect.js";
import { chosenKinds } from "../support/database-kinds.js";
import { describeDatabases, type TestDatabase } from "../support/databases.js";
import {
  appendOf,
  createSession,
  EVERYTHING,
  forkOf,
  newMessage,
  newState,
  WIDE,
} from "./contract/samples.js";
import { openForTest } from "./contract/storage-suite.js";
import { countSent, DIALECTS } from "./sent-calls.js";
import { openTwo } from "./two-storages.js";

const ROUNDS = 100;

/** Opens two storages, with a session that the first has appended to. */
async function openWithSession(database: TestDatabase) {
  const [ours, theirs] = await openTwo(database);
  const ref = await createSession(ours);
  await append(ours, ref, "1");
  return { ours, theirs, ref };
}

function append({ messages }: Storage, ref: SessionRef, content: string) {
  return messages.append(ref, appendOf(newMessage({ content })));
}

async function contentsOf({ messages }: Storage, ref: SessionRef): Promise<readonly string[]> {
  const { items } = await messages.read(ref, EVERYTHING, WIDE);
  return items.map(({ content }) => content);
}

/** Takes the database back to where a session had its first message alone, as a backup does. */
async function takeBack(url: string, { sessionId }: SessionRef): Promise<void> {
  const restored = await openDatabase(url, 1);
  onTestFinished(() => restored.close());
  await restored.transaction(async ({ query }) => {
    await query("DELETE FROM messages WHERE session_id = ? AND sequence > 1", [sessionId]);
    const sql =
      "UPDATE sessions SET head_sequence = 1, message_count = 1, revision = 2 WHERE id = ?";
    await query(sql, [sessionId]);
  });
}

/** What another server may do to a session, and what its messages and revision are after one more append. */
const CHANGES: readonly {
  readonly name: string;
  change(storage: Storage, ref: SessionRef): Promise<unknown>;
  readonly contents: readonly string[];
  readonly revision: number;
}[] = [
  {
    name: "appended",
    change: (storage, ref) => append(storage, ref, "theirs"),
    contents: ["1", "theirs", "2"],
    revision: 4,
  },
  {
    name: "appended something larger",
    change: (storage, ref) => append(storage, ref, "x".repeat(100_000)),
    contents: ["1", "x".repeat(100_000), "2"],
    revision: 4,
  },
  {
    name: "cleared it",
    change: ({ messages }, ref) => messages.clear(ref, 0),
    contents: ["2"],
    revision: 4,
  },
  {
    name: "put a state",
    change: ({ agentStates }, ref) => agentStates.put(ref, newState({ key: "k" })),
    contents: ["1", "2"],
    revision: 4,
  },
];

describeDatabases(
  "an append to a session",
  (database) => {
    it.each(CHANGES)(
      "goes by what it is when another server has $name",
      async ({ change, contents, revision }) => {
        const { ours, theirs, ref } = await openWithSession(database);
        await change(theirs, ref);

        const appended = await append(ours, ref, "2");

        expect(appended.revision).toBe(revision);
        expect(await contentsOf(theirs, ref)).toEqual(contents);
        const session = await theirs.sessions.get(ref);
        expect(session).toMatchObject({ revision, messageCount: contents.length });
        expect(session.headSequence).toBe(appended.headSequence);
      },
    );

    it.each(CHANGES)(
      "of several messages goes by what it is when another server has $name",
      async ({ change, contents, revision }) => {
        const { ours, theirs, ref } = await openWithSession(database);
        await change(theirs, ref);
        const added = ["2", "3"].map((content) => newMessage({ content }));

        const appended = await ours.messages.append(ref, appendOf(...added));

        expect(appended.revision).toBe(revision);
        expect(await contentsOf(theirs, ref)).toEqual([...contents, "3"]);
      },
    );

    it("takes the next place after one that was repeated", async () => {
      const { ours, ref } = await openWithSession(database);
      const message = newMessage({ content: "2" });
      for (let time = 0; time < 2; time += 1) await ours.messages.append(ref, appendOf(message));
      // The session has the revision that the repeated one would have made.
      await ours.messages.update(ref, message.id, { content: "edited" }, undefined);

      const appended = await append(ours, ref, "3");

      expect(appended).toMatchObject({ headSequence: 3, revision: 5 });
      expect(await contentsOf(ours, ref)).toEqual(["1", "edited", "3"]);
    });

    it("goes by what it is when the database went back, and came to the same revision again", async () => {
      const url = await database.create();
      const ours = await openForTest(url);
      const ref = await createSession(ours);
      await append(ours, ref, "1");
      await ours.messages.append(ref, appendOf(newMessage(), newMessage()));
      await takeBack(url, ref);
      await append(await openForTest(url), ref, "theirs");

      const appended = await append(ours, ref, "2");

      expect(appended).toMatchObject({ headSequence: 3, revision: 4 });
      expect(await contentsOf(ours, ref)).toEqual(["1", "theirs", "2"]);
    });

    it("knows how large its messages are when the database went back, and came to the same numbers again", async () => {
      const url = await database.create();
      const ours = await openForTest(url);
      const ref = await createSession(ours);
      await append(ours, ref, "1");
      await append(ours, ref, "lost");
      await takeBack(url, ref);
      await append(await openForTest(url), ref, "x".repeat(100_000));

      await append(ours, ref, "3");

      const bounds = { maxItems: 50, maxBytes: 50_000 };
      const { items, hasMore } = await ours.messages.read(ref, EVERYTHING, bounds);
      expect([items.length, hasMore]).toEqual([1, true]);
    });

    it("is refused when another server has deleted it", async () => {
      const { ours, theirs, ref } = await openWithSession(database);
      await theirs.sessions.delete(ref);

      await expect(append(ours, ref, "2")).rejects.toMatchObject({ reason: "SESSION_DELETED" });
    });

    it("is tried in vain but once when another server has deleted it", async () => {
      const { ours, theirs, ref } = await openWithSession(database);
      await theirs.sessions.delete(ref);
      const sent = countSent(DIALECTS[database.kind]);
      const calls: number[] = [];

      for (let time = 1; time <= 3; time += 1) {
        await expect(append(ours, ref, "2")).rejects.toMatchObject({ reason: "SESSION_DELETED" });
        const { alone, together } = sent.take();
        calls.push(alone + together);
      }

      const [first = 0, second = 0, third = 0] = calls;
      expect(second).toBeLessThan(first);
      expect(third).toBe(second);
    });

    it("knows what it shares when another server has forked and edited it", async () => {
      const { ours, theirs, ref } = await openWithSession(database);
      const same = newMessage({ content: "2" });
      await ours.messages.append(ref, appendOf(same));
      await theirs.sessions.fork(ref, forkOf(ref));
      await theirs.messages.update(ref, same.id, { content: "edited" }, undefined);

      const repeated = await ours.messages.append(ref, appendOf(same));
      for (const content of ["3", "4"]) await append(ours, ref, content);
      const again = await ours.messages.append(ref, appendOf(same));

      const known = { isRepeated: true, messages: [{ content: "edited" }] };
      expect([repeated, again]).toMatchObject([known, known]);
      expect(await contentsOf(theirs, ref)).toEqual(["1", "edited", "3", "4"]);
    });

    it("knows what it has from the session it was forked from", async () => {
      const { ours, theirs, ref } = await openWithSession(database);
      const shared = newMessage({ content: "2" });
      await ours.messages.append(ref, appendOf(shared));
      const request = forkOf(ref);
      await theirs.sessions.fork(ref, request);
      const fork = { ...ref, sessionId: request.id };
      for (const content of ["3", "4"]) await append(ours, fork, content);

      const repeated = await ours.messages.append(fork, appendOf(shared));

      expect(repeated).toMatchObject({ isRepeated: true, headSequence: 4 });
      expect(await contentsOf(theirs, fork)).toEqual(["1", "2", "3", "4"]);
    });

    it("advances each of several sessions from where it is", async () => {
      const [ours, theirs] = await openTwo(database);
      const deleted = [newMessage(), newMessage(), newMessage()];
      const [shrunk, edited, fresh] = [
        await createSession(ours),
        await createSession(ours),
        await createSession(ours),
      ];
      await ours.messages.append(shrunk, appendOf(...deleted, newMessage()));
      for (const { id } of deleted) await ours.messages.delete(shrunk, id);
      const kept = newMessage();
      await ours.messages.append(edited, appendOf(kept));
      await ours.messages.update(edited, kept.id, { content: "edited" }, undefined);

      // Theirs knows nothing of them at first, and then what its own append has left.
      for (const round of [1, 2]) {
        await Promise.all([shrunk, edited, fresh].map((ref) => append(theirs, ref, "one more")));

        const at = (ref: SessionRef) => ours.changes.position(ref);
        expect(await Promise.all([shrunk, edited, fresh].map(at))).toMatchObject([
          { headSequence: 4 + round, messageCount: 1 + round, revision: 5 + round },
          { headSequence: 1 + round, messageCount: 1 + round, revision: 3 + round },
          { headSequence: round, messageCount: round, revision: 1 + round },
        ]);
      }
    });

    it("takes the next place when another server appends at the same moment", async () => {
      const { ours, theirs, ref } = await openWithSession(database);
      const expected = ["1"];

      for (let round = 0; round < ROUNDS; round++) {
        // Nobody else came between these, so that the next one is expected to find the same.
        const alone = [`${round}a`, `${round}b`];
        for (const content of alone) await append(ours, ref, content);
        const atOnce = [append(ours, ref, `${round}c`), append(theirs, ref, `${round}d`)];
        const sequences = (await Promise.all(atOnce)).map(({ headSequence }) => headSequence);
        expected.push(...alone, ...inOrder([`${round}c`, `${round}d`], sequences));
      }

      expect(await contentsOf(ours, ref)).toEqual(expected);
      expect(await ours.sessions.get(ref)).toMatchObject({
        headSequence: expected.length,
        messageCount: expected.length,
        revision: expected.length + 1,
      });
    });
  },
  chosenKinds().filter((kind) => kind !== "memory"),
);

describeDatabases(
  "an append to a session that another server appends to in turn",
  (database) => {
    it("does not go by what it was for long", async () => {
      const { ours, theirs, ref } = await openWithSession(database);
      const run = vi.spyOn(postgres, "run");
      onTestFinished(() => run.mockRestore());

      for (let round = 0; round < 10; round++) {
        await append(theirs, ref, "a");
        await append(ours, ref, "b");
      }

      const inVain = run.mock.calls.filter(([, sql]) => sql.includes("advanced AS"));
      expect(inVain).toHaveLength(2);
    });
  },
  ["postgres"],
);

function inOrder(contents: readonly string[], sequences: readonly number[]): readonly string[] {
  const [first = 0, second = 0] = sequences;
  return first < second ? contents : contents.toReversed();
}
