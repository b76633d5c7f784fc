import { expect, it } from "vitest";
import { stopClock } from "./fixed-clock.js";
import { appendOf, createSession, newMessage } from "./samples.js";
import type { StorageSuite } from "./storage-suite.js";

/** Tests SessionStorage.update. */
export function testSessionUpdates(suite: StorageSuite): void {
  it("changes what is given, raising version and revision, and keeps the rest", async () => {
    const { sessions } = suite.storage;
    const move = stopClock(new Date("2026-03-01T00:00:00.000Z"));
    const ref = await createSession(suite.storage, { key: "k", title: "a", metadata: { a: 1 } });
    const before = await sessions.get(ref);
    move(new Date("2026-03-01T00:00:00.007Z"));

    const updated = await sessions.update(ref, { title: "b" });

    const updatedAt = new Date("2026-03-01T00:00:00.007Z");
    expect(updated).toEqual({ ...before, title: "b", version: 2, revision: 2, updatedAt });
    expect(await sessions.get(ref)).toEqual(updated);
  });

  it("makes the new metadata from the present", async () => {
    const { sessions } = suite.storage;
    const ref = await createSession(suite.storage, { title: "a", metadata: { a: 1, b: [1] } });

    const metadata = { a: 2, b: [1], c: null };
    await sessions.update(ref, { metadata: (present) => ({ ...present, a: 2, c: null }) });

    expect(await sessions.get(ref)).toMatchObject({ title: "a", metadata, version: 2 });
  });

  it("writes nothing if nothing differs, whatever version is expected", async () => {
    const { sessions } = suite.storage;
    const move = stopClock(new Date("2026-03-01T00:00:00.000Z"));
    const ref = await createSession(suite.storage, { title: "a", metadata: { a: 1, b: { c: 2 } } });
    const before = await sessions.get(ref);
    move(new Date("2026-03-02T00:00:00.000Z"));

    const metadata = () => ({ b: { c: 2 }, a: 1 });
    const updated = await sessions.update(ref, { title: "a", metadata, expectedVersion: 9 });

    expect(updated).toEqual(before);
    expect(await sessions.get(ref)).toEqual(before);
  });

  it("refuses to change another version than the expected one", async () => {
    const { sessions } = suite.storage;
    const ref = await createSession(suite.storage, { title: "a" });
    const updated = await sessions.update(ref, { title: "b", expectedVersion: 1 });

    const second = sessions.update(ref, { title: "c", expectedVersion: 1 });

    await expect(second).rejects.toMatchObject({
      code: "aborted",
      reason: "VERSION_CONFLICT",
      metadata: { expected: "1", actual: "2" },
    });
    expect(await sessions.get(ref)).toEqual(updated);
  });

  it("is not disturbed by appends", async () => {
    const { sessions, messages } = suite.storage;
    const ref = await createSession(suite.storage);
    await messages.append(ref, appendOf(newMessage()));

    const updated = await sessions.update(ref, { title: "b", expectedVersion: 1 });

    expect(updated).toMatchObject({ version: 2, revision: 3, headSequence: 1, messageCount: 1 });
  });

  it("loses no key of changes at once", async () => {
    const { sessions } = suite.storage;
    const ref = await createSession(suite.storage);
    const keys = ["a", "b", "c", "d", "e", "f", "g", "h"];

    await Promise.all(
      keys.map((key) => sessions.update(ref, { metadata: (all) => ({ ...all, [key]: 1 }) })),
    );

    const session = await sessions.get(ref);
    expect(Object.keys(session.metadata).sort()).toEqual(keys);
    expect(session).toMatchObject({ version: 9, revision: 9 });
  });

  it("lets one of the changes through that expect the same version at once", async () => {
    const { sessions } = suite.storage;
    const ref = await createSession(suite.storage);

    const outcomes = await Promise.allSettled(
      ["a", "b", "c", "d"].map((title) => sessions.update(ref, { title, expectedVersion: 1 })),
    );

    const refused = outcomes.filter(({ status }) => status === "rejected");
    expect(refused).toHaveLength(3);
    for (const outcome of refused) {
      expect(outcome).toMatchObject({ reason: { reason: "VERSION_CONFLICT" } });
    }
    expect(await sessions.get(ref)).toMatchObject({ version: 2, revision: 2 });
  });

  it("does not turn time back where the clock does", async () => {
    const { sessions } = suite.storage;
    const start = new Date("2026-03-01T00:00:00.123Z");
    const move = stopClock(start);
    const ref = await createSession(suite.storage);
    move(new Date("2026-02-01T00:00:00.000Z"));

    const updated = await sessions.update(ref, { title: "b" });

    expect(updated.updatedAt).toEqual(start);
    expect(await sessions.get(ref)).toMatchObject({ createdAt: start, updatedAt: start });
  });
}
