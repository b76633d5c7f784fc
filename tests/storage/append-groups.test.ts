import { expect, it, onTestFinished } from "vitest";
import type { Append, SessionRef } from "../../server/src/domain/storage.js";
import { newUuid } from "../../server/src/domain/uuid.js";
import { TypeOrmAgentStateStorage } from "../../server/src/storage/agent-state-storage.js";
import { TypeOrmMessageStorage } from "../../server/src/storage/message-storage.js";
import { migrateSchema } from "../../server/src/storage/migrate.js";
import { openDatabase } from "../../server/src/storage/open.js";
import { TypeOrmSessionStorage } from "../../server/src/storage/session-storage.js";
import { describeDatabases, type TestDatabase } from "../support/databases.js";
import {
  appendOf,
  EVERYTHING,
  newMessage,
  newMessages,
  newSession,
  newState,
  WIDE,
} from "./contract/samples.js";
import { countSent } from "./sent-calls.js";

type Messages = TypeOrmMessageStorage;

/** Opens what appends go through, with the database below it. */
async function openParts(empty: TestDatabase) {
  const database = await openDatabase(await empty.create(), 4);
  onTestFinished(() => database.close());
  await migrateSchema(database);
  const sessions = new TypeOrmSessionStorage(database);
  const messages = new TypeOrmMessageStorage(database, 100);
  const agentStates = new TypeOrmAgentStateStorage(database, messages);
  const createRef = async (): Promise<SessionRef> => {
    const session = newSession();
    await sessions.create(session);
    return { tenantId: session.tenantId, sessionId: session.id };
  };
  return { database, sessions, messages, agentStates, createRef };
}

/** Sends appends of one message each at once. */
function appendAll(messages: Messages, ref: SessionRef, contents: readonly string[]) {
  return contents.map((content) => messages.append(ref, appendOf(newMessage({ content }))));
}

async function contentsOf(messages: Messages, ref: SessionRef): Promise<readonly string[]> {
  const { items } = await messages.read(ref, EVERYTHING, WIDE);
  return items.map(({ content }) => content);
}

function range(from: number, to: number): readonly string[] {
  return Array.from({ length: to - from + 1 }, (_, index) => String(from + index));
}

describeDatabases("appends at once", (empty) => {
  it("get places in the order of the calls, and a revision each", async () => {
    const { messages, sessions, createRef } = await openParts(empty);
    const refs = [await createRef(), await createRef(), await createRef()];

    const appended = await Promise.all(
      range(1, 40).flatMap((content) =>
        refs.map((ref) => messages.append(ref, appendOf(...newMessages([content, "and"])))),
      ),
    );

    const ofFirst = appended.filter((_, index) => index % refs.length === 0);
    expect(ofFirst.map(({ headSequence }) => headSequence)).toEqual(
      range(1, 40).map((content) => 2 * Number(content)),
    );
    expect(ofFirst.map(({ revision }) => revision)).toEqual(
      range(1, 40).map((content) => Number(content) + 1),
    );
    for (const ref of refs) {
      const { items } = await messages.read(ref, EVERYTHING, WIDE);
      expect(items.map(({ content }) => content)).toEqual(range(1, 40).flatMap((n) => [n, "and"]));
      const stored = appended.flatMap((each) => each.messages);
      expect(stored.filter(({ sessionId }) => sessionId === ref.sessionId)).toEqual(items);
      const counts = { headSequence: 80, messageCount: 80, revision: 41, version: 1 };
      expect(await sessions.get(ref)).toMatchObject(counts);
    }
  });

  it("fail alone where they are refused", async () => {
    const { messages, sessions, createRef } = await openParts(empty);
    const [ref, deleted] = [await createRef(), await createRef()];
    await sessions.delete(deleted);
    const stored = newMessage({ content: "stored" });
    await messages.append(ref, appendOf(stored));
    const append = (to: SessionRef, content: string, given: Partial<Append> = {}) =>
      messages.append(to, { ...appendOf(newMessage({ content })), ...given });

    const outcomes = await Promise.allSettled([
      append(ref, "a"),
      append(ref, "late", { expectedHeadSequence: 1 }),
      append(ref, "b", { expectedHeadSequence: 2 }),
      append({ ...ref, tenantId: newUuid() }, "foreign"),
      append(deleted, "gone"),
      append({ ...ref, sessionId: newUuid() }, "nowhere"),
      append(ref, "other", { messages: [newMessage({ id: stored.id, content: "other" })] }),
      append(ref, "c"),
    ]);

    const reasons = outcomes.map((outcome) => {
      return outcome.status === "rejected" ? outcome.reason.reason : outcome.value.revision;
    });
    expect(reasons).toEqual([
      3,
      "SEQUENCE_CONFLICT",
      4,
      "SESSION_NOT_FOUND",
      "SESSION_DELETED",
      "SESSION_NOT_FOUND",
      "ID_REUSED",
      5,
    ]);
    expect(await contentsOf(messages, ref)).toEqual(["stored", "a", "b", "c"]);
    expect(await sessions.get(ref)).toMatchObject({ headSequence: 4, revision: 5 });
  });

  it.each([undefined, 0])(
    "are stored once where they are the same, at the expected head %s",
    async (expectedHeadSequence) => {
      const { messages, createRef } = await openParts(empty);
      const ref = await createRef();
      const same = { ...appendOf(newMessage({ content: "a" })), expectedHeadSequence };

      const appended = await Promise.all([
        messages.append(ref, same),
        messages.append(ref, appendOf(newMessage({ content: "b" }))),
        messages.append(ref, same),
        messages.append(ref, appendOf(newMessage({ content: "c" }))),
      ]);

      expect(appended.map(({ isRepeated }) => isRepeated)).toEqual([false, false, true, false]);
      expect(appended.map(({ headSequence }) => headSequence)).toEqual([1, 2, 2, 3]);
      expect(appended[2]?.messages).toEqual(appended[0]?.messages);
      expect(await contentsOf(messages, ref)).toEqual(["a", "b", "c"]);
    },
  );

  it("keep their order where a group is run again and others come meanwhile", async () => {
    const { messages, createRef } = await openParts(empty);
    const [ref, other] = [await createRef(), await createRef()];
    const first = newMessage({ content: "1" });
    await messages.append(ref, appendOf(first));

    const sent = appendAll(messages, ref, range(2, 100));
    sent.push(messages.append(ref, appendOf(first)));
    sent.push(...appendAll(messages, other, range(1, 50)));
    await Promise.race(sent);
    sent.push(...appendAll(messages, ref, range(101, 150)));
    await Promise.all(sent);

    expect(await contentsOf(messages, ref)).toEqual(range(1, 150));
    expect(await contentsOf(messages, other)).toEqual(range(1, 50));
  });

  it("keep their order where some put states, or are large", async () => {
    const { messages, agentStates, sessions, createRef } = await openParts(empty);
    const ref = await createRef();
    const state = newState({ key: "k" });
    const conflicting = newState({ key: "k", expectedVersion: 7 });
    const large = newMessage({ content: "x".repeat(5 * 1024 * 1024) });

    const outcomes = await Promise.allSettled([
      ...appendAll(messages, ref, range(1, 3)),
      messages.append(ref, { ...appendOf(newMessage({ content: "4" })), agentStates: [state] }),
      messages.append(ref, { ...appendOf(newMessage()), agentStates: [conflicting] }),
      ...appendAll(messages, ref, range(5, 6)),
      messages.append(ref, appendOf(large)),
      ...appendAll(messages, ref, range(8, 9)),
    ]);

    const refused = outcomes.filter(({ status }) => status === "rejected");
    expect(refused).toMatchObject([{ reason: { reason: "VERSION_CONFLICT" } }]);
    const contents = await contentsOf(messages, ref);
    expect(contents.map((content) => content.slice(0, 1))).toEqual([
      ...range(1, 6),
      "x",
      ...range(8, 9),
    ]);
    expect(await agentStates.get(ref, "k", undefined)).toMatchObject({ version: 1, revision: 5 });
    expect(await sessions.get(ref)).toMatchObject({ headSequence: 9, revision: 10 });
  });

  it("take turns with the session's other changes", async () => {
    const { messages, createRef } = await openParts(empty);
    const ref = await createRef();

    const sent = appendAll(messages, ref, ["a", "b"]);
    const cleared = messages.clear(ref, 0);
    sent.push(...appendAll(messages, ref, ["c", "d"]));
    await Promise.all(sent);

    expect(await cleared).toBe(2);
    expect(await contentsOf(messages, ref)).toEqual(["c", "d"]);
  });

  it("are finished before the database is closed, and refused from then on", async () => {
    const { database, messages, createRef } = await openParts(empty);
    const ref = await createRef();

    const before = appendAll(messages, ref, range(1, 200));
    const closing = database.close();
    const late = messages.append(ref, appendOf(newMessage()));

    await expect(late).rejects.toMatchObject({ code: "unavailable" });
    const heads = (await Promise.all(before)).map(({ headSequence }) => headSequence);
    expect(heads).toEqual(range(1, 200).map(Number));
    await closing;
  });

  if (empty.kind === "memory" || empty.kind === "sqlite") {
    it("fail alone where the database refuses what they hold", async () => {
      const { database, messages, createRef } = await openParts(empty);
      const [ref, other] = [await createRef(), await createRef()];
      const refusal =
        "CREATE TRIGGER refusal BEFORE INSERT ON messages WHEN NEW.content = 'bad' BEGIN SELECT RAISE(ABORT, 'refused'); END";
      await database.transaction(({ query }) => query(refusal, []));

      const outcomes = await Promise.allSettled([
        ...appendAll(messages, ref, ["a", "bad", "b"]),
        ...appendAll(messages, other, ["c"]),
      ]);

      const statuses = outcomes.map(({ status }) => status);
      expect(statuses).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled"]);
      expect(await contentsOf(messages, ref)).toEqual(["a", "b"]);
      expect(await contentsOf(messages, other)).toEqual(["c"]);
    });
  }

  // Of more callers, half are answered while the other half waits.
  it.each([
    [16, 2],
    [64, 4],
  ])(
    "take two round trips together, one to read and one to write: %i take %i",
    async (appends, roundTrips) => {
      const { database, messages, createRef } = await openParts(empty);
      const refs = [await createRef(), await createRef()];
      const sent = countSent(database.dialect);

      await Promise.all(refs.flatMap((ref) => appendAll(messages, ref, range(1, appends / 2))));

      expect(sent.take()).toEqual({ alone: 0, together: roundTrips, raw: 0 });
    },
  );

  if (empty.kind === "postgres" || empty.kind === "mariadb") {
    it("take one round trip where the sessions are as they were left", async () => {
      const { database, messages, createRef } = await openParts(empty);
      const refs = [await createRef(), await createRef()];
      const appendEach = () => Promise.all(refs.flatMap((ref) => appendAll(messages, ref, ["a"])));
      await appendEach();
      const sent = countSent(database.dialect);

      const appended = await appendEach();

      expect(appended.map(({ headSequence }) => headSequence)).toEqual([2, 2]);
      const { alone, together } = sent.take();
      expect(alone + together).toBe(1);
    });
  }

  if (empty.kind === "postgres") {
    it("share a transaction, whichever sessions they go to, and where one is repeated too", async () => {
      const { database, messages, createRef } = await openParts(empty);
      const refs = [await createRef(), await createRef()];
      const repeated = newMessage();
      for (const ref of refs) await messages.append(ref, appendOf(repeated));

      await Promise.all(
        refs.flatMap((ref) => [
          ...appendAll(messages, ref, range(1, 7)),
          messages.append(ref, appendOf(repeated)),
        ]),
      );

      const sql =
        "SELECT count(DISTINCT xmin::text) AS transactions FROM messages WHERE sequence > 1";
      const { rows } = await database.read(({ query }) => query(sql, []));
      expect(rows).toEqual([{ transactions: "1" }]);
    });
  }
});
