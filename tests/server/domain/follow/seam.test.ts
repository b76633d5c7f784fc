import { expect, it } from "vitest";
import type { SessionFrame } from "../../../../server/src/domain/session-frame.js";
import { type FrameReader, numbers, sequencesOf } from "./frame-reader.js";
import { createLiveSession, type LiveServer, type LiveSession } from "./live-session.js";

const ROUNDS = 200;

/** Lets other work go first, `turns` times. */
async function letPass(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
}

async function readToHead(reader: FrameReader, head: number): Promise<readonly SessionFrame[]> {
  await reader.untilSequence(head);
  if (!reader.frames.some(({ type }) => type === "caught_up")) await reader.until("caught_up");
  return reader.frames;
}

/** Appends twice while a follower begins, a little later each round. */
async function race(writer: LiveServer, follower: LiveServer, round: number): Promise<FrameReader> {
  const start = { from: "last_messages", lastMessages: 2 } as const;
  const reader = follower.follow({ start, includeDeltas: round % 2 === 1 });
  const reading = reader.next();
  await letPass(round % 7);
  const appends = [writer.append("a", "b"), writer.append("c")];
  await reading;
  await Promise.all(appends);
  return reader;
}

async function expectNoGap(session: LiveSession, writer: LiveServer, follower: LiveServer) {
  await writer.append("first", "second");
  for (let round = 0; round < ROUNDS; round += 1) {
    const head = 2 + 3 * (round + 1);
    const reader = await race(writer, follower, round);

    const frames = await readToHead(reader, head);
    await reader.stop();

    const sequences = sequencesOf(frames);
    expect(sequences.length).toBeGreaterThanOrEqual(3);
    expect(sequences).toEqual(numbers(sequences[0] ?? 0, head));
    expect(frames.filter(({ type }) => type === "caught_up")).toHaveLength(1);
    expect((await session.storage.sessions.get(session)).headSequence).toBe(head);
  }
}

it("loses and repeats nothing where an append races the start of a follower", async () => {
  const session = await createLiveSession();
  const server = session.serve();

  await expectNoGap(session, server, server);
});

it("nor where another server appends, and the polls race too", async () => {
  const session = await createLiveSession();

  await expectNoGap(session, session.serve(), session.serve({ pollIntervalMs: 1 }));
});
