import { setImmediate } from "node:timers/promises";
import { expect, it } from "vitest";
import type { SessionRef, Storage } from "../../../server/src/domain/storage.js";
import {
  appendOf,
  createSession,
  EVERYTHING,
  newMessage,
  newMessages,
  newState,
  WIDE,
} from "./samples.js";
import type { StorageSuite } from "./storage-suite.js";

const WRITERS = 8;
const APPENDS = 10;
const SEQUENCES = Array.from({ length: WRITERS * APPENDS }, (_, index) => index + 1);

/** Tests what holds while several storages write to one database. */
export function testConcurrency(suite: StorageSuite): void {
  /** Two storages on one database, or twice the same where there can be one only. */
  async function openBoth(): Promise<readonly [Storage, Storage]> {
    return [suite.storage, suite.isShared ? await suite.openAnother() : suite.storage];
  }

  async function write(storage: Storage, ref: SessionRef, writer: number): Promise<void> {
    for (let index = 0; index < APPENDS; index++) {
      const message = newMessage({ content: `${writer}:${index}` });
      const agentStates = index % 3 === 0 ? [newState({ key: String(writer) })] : [];
      await storage.messages.append(ref, { ...appendOf(message), agentStates });
    }
  }

  function writeAll(storages: readonly [Storage, Storage], ref: SessionRef): Promise<unknown> {
    const writers = Array.from({ length: WRITERS }, (_, writer) => writer);
    return Promise.all(writers.map((writer) => write(storages[writer % 2 ? 1 : 0], ref, writer)));
  }

  it("gives each sequence once, and keeps the order of each writer", async () => {
    const ref = await createSession(suite.storage);

    await writeAll(await openBoth(), ref);

    const { items } = await suite.storage.messages.read(ref, EVERYTHING, WIDE);
    expect(items.map(({ sequence }) => sequence)).toEqual(SEQUENCES);
    expect(items.map(({ revision }) => revision)).toEqual(SEQUENCES.map((each) => each + 1));
    for (let writer = 0; writer < WRITERS; writer++) {
      const own = items.flatMap(({ content }) => (content.startsWith(`${writer}:`) ? content : []));
      expect(own).toEqual(Array.from({ length: APPENDS }, (_, index) => `${writer}:${index}`));
    }
    const times = items.map(({ createdAt }) => createdAt.getTime());
    expect(times).toEqual([...times].sort((a, b) => a - b));
    const count = SEQUENCES.length;
    const session = await suite.storage.sessions.get(ref);
    expect(session).toMatchObject({
      headSequence: count,
      messageCount: count,
      revision: count + 1,
    });
  });

  it("shows a reader the first messages without a gap, and all up to a head it knows", async () => {
    const [storage, another] = await openBoth();
    const ref = await createSession(storage);
    let isWriting = true;
    const writing = writeAll([storage, another], ref).finally(() => {
      isWriting = false;
    });

    const counts: number[] = [];
    while (isWriting) {
      const { headSequence } = await another.sessions.get(ref);
      const { items } = await another.messages.read(ref, EVERYTHING, WIDE);
      expect(items.map(({ sequence }) => sequence)).toEqual(SEQUENCES.slice(0, items.length));
      expect(items.length).toBeGreaterThanOrEqual(headSequence);
      counts.push(items.length);
      // SQLite answers without giving way, and a writer may be waiting for a timer.
      await setImmediate();
    }

    await writing;
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
  });

  it("lets one of the appends through that expect the same head at once", async () => {
    const storages = await openBoth();
    const ref = await createSession(suite.storage);

    const outcomes = await Promise.allSettled(
      [...storages, ...storages, ...storages].map(({ messages }) =>
        messages.append(ref, { ...appendOf(newMessage(), newMessage()), expectedHeadSequence: 0 }),
      ),
    );

    const refused = outcomes.filter(({ status }) => status === "rejected");
    expect(refused).toHaveLength(5);
    const metadata = { expected: "0", actual: "2" };
    for (const outcome of refused) {
      expect(outcome).toMatchObject({ reason: { reason: "SEQUENCE_CONFLICT", metadata } });
    }
  });

  it("counts every change of a session once, whatever its kind", async () => {
    const [one, other] = await openBoth();
    const ref = await createSession(one);
    const messages = newMessages(["a", "b", "c", "d"]);
    const [a, b, c] = messages.map(({ id }) => id);
    await one.messages.append(ref, appendOf(...messages));

    await Promise.all([
      one.messages.delete(ref, a ?? ""),
      other.messages.update(ref, b ?? "", { content: "x" }, 1),
      one.messages.update(ref, c ?? "", { pinned: true }, 1),
      other.sessions.update(ref, { title: "x" }),
      one.messages.append(ref, appendOf(newMessage())),
      other.agentStates.put(ref, newState()),
      one.messages.append(ref, appendOf(newMessage())),
      other.messages.append(ref, appendOf(newMessage())),
    ]);

    const session = await other.sessions.get(ref);
    expect(session).toMatchObject({ headSequence: 7, messageCount: 6, revision: 10, version: 2 });
  });

  it("either keeps or refuses what is appended while the session is deleted", async () => {
    const [one, other] = await openBoth();
    const ref = await createSession(one);

    const outcomes = await Promise.allSettled([
      ...Array.from({ length: 6 }, () => other.messages.append(ref, appendOf(newMessage()))),
      one.sessions.delete(ref),
    ]);

    for (const outcome of outcomes) {
      if (outcome.status === "fulfilled") continue;
      expect(outcome).toMatchObject({ reason: { reason: "SESSION_DELETED" } });
    }
    const read = one.messages.read(ref, EVERYTHING, WIDE);
    await expect(read).rejects.toMatchObject({ reason: "SESSION_DELETED" });
  });
}
