import { expect, it } from "vitest";
import { numbers, sequencesOf } from "./frame-reader.js";
import { createLiveSession } from "./live-session.js";

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
