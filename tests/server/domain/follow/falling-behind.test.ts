import { expect, it } from "vitest";
import { announce } from "../../../../server/src/domain/follow/announced-storage.js";
import type { Storage } from "../../../../server/src/domain/storage.js";
import { KeptAnnouncements } from "../writing/kept-announcements.js";
import { numbers, sequencesOf } from "./frame-reader.js";
import { createLiveSession, LiveServer } from "./live-session.js";

/** Counts how often messages are read. */
function countReads(plain: Storage): { reads: number; readonly storage: Storage } {
  const storage = announce(plain, new KeptAnnouncements());
  const counted = {
    reads: 0,
    storage: {
      ...storage,
      messages: {
        ...storage.messages,
        read(...query: Parameters<typeof storage.messages.read>) {
          counted.reads += 1;
          return storage.messages.read(...query);
        },
      },
    },
  };
  return counted;
}

it("brings a follower up to date that fell out of the ring, and then it goes on live", async () => {
  const session = await createLiveSession();
  const server = session.serve();
  const slow = server.follow();
  const quick = server.follow();
  await slow.until("caught_up");
  await quick.until("caught_up");

  for (let count = 0; count < 300; count += 1) {
    await server.append(`message ${count}`);
    await quick.next();
  }
  const missed = await slow.until("caught_up");
  await server.append("live");

  expect(sequencesOf(missed)).toEqual(numbers(1, 300));
  expect(sequencesOf([await slow.next()])).toEqual([301]);
  expect(quick.frames.filter(({ type }) => type === "caught_up")).toHaveLength(1);
  expect(sequencesOf(quick.frames)).toEqual(numbers(1, 300));
});

it("gives it the changes of what it has, and not of what it has not read yet", async () => {
  const session = await createLiveSession();
  const server = session.serve();
  const first = await server.appendOne("first");
  const reader = server.follow();
  await reader.until("caught_up");

  const second = await server.appendOne("second");
  for (const { id } of [first, second]) {
    await server.storage.messages.update(session, id, { content: "edited" }, undefined);
  }
  for (let count = 0; count < 300; count += 1) await server.append("more");
  const frames = await reader.until("caught_up");

  const changes = frames.filter(({ type }) => type === "change");
  expect(changes).toMatchObject([
    { change: { type: "message_updated", message: { sequence: 1 } } },
  ]);
  expect(sequencesOf(frames)).toEqual(numbers(2, 302));
});

it("gives a message that is larger than the ring, once", async () => {
  const session = await createLiveSession();
  const server = session.serve();
  const readers = [server.follow(), server.follow()];
  for (const reader of readers) await reader.until("caught_up");

  await server.append("x".repeat(300_000));
  await server.append("small");

  for (const reader of readers) {
    await reader.untilSequence(2);
    expect(sequencesOf(reader.frames)).toEqual([1, 2]);
  }
});

it.each([
  ["one message of 300 KiB", ["x".repeat(300 * 1024)]],
  ["500 messages of 1 KiB", Array<string>(500).fill("x".repeat(1024))],
])("reads nothing for those who are not behind when %s are appended", async (_, contents) => {
  const session = await createLiveSession();
  const counted = countReads(session.storage);
  const server = new LiveServer(counted.storage, session);
  const readers = Array.from({ length: 5 }, () => server.follow());
  for (const reader of readers) await reader.until("caught_up");

  const reading = readers.map((reader) => reader.untilSequence(contents.length));
  await server.append(...contents);

  for (const frames of await Promise.all(reading)) {
    expect(sequencesOf(frames)).toEqual(numbers(1, contents.length));
  }
  expect(counted.reads).toBe(0);
});
