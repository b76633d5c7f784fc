import { setImmediate } from "node:timers/promises";
import { expect, it } from "vitest";
import type { Message } from "../../../../server/src/domain/model.js";
import type { SessionFrame } from "../../../../server/src/domain/session-frame.js";
import {
  appendOf,
  EVERYTHING,
  endOf,
  newMessage,
  newState,
  startWrite,
  WIDE,
} from "../../../storage/contract/samples.js";
import { createLiveSession, type LiveServer, type LiveSession } from "./live-session.js";

const STEPS = 60;
const LAST = "the last message";

/** What a follower holds. */
class Replica {
  readonly messages: Map<number, Message>;
  readonly states: Map<string, number>;
  title: string;

  constructor(other?: Replica) {
    this.messages = new Map(other?.messages);
    this.states = new Map(other?.states);
    this.title = other?.title ?? "";
  }

  apply(frame: SessionFrame): void {
    if (frame.type === "messages") {
      for (const message of frame.messages) {
        expect(this.messages.has(message.sequence)).toBe(false);
        this.messages.set(message.sequence, message);
      }
    }
    if (frame.type === "change") this.#change(frame.change);
  }

  #change(change: Extract<SessionFrame, { type: "change" }>["change"]): void {
    switch (change.type) {
      case "message_updated":
        this.messages.set(change.message.sequence, change.message);
        break;
      case "message_deleted":
        this.messages.delete(change.sequence);
        break;
      case "messages_cleared":
        for (const sequence of this.messages.keys()) {
          const isCleared = sequence > change.afterSequence && sequence <= change.throughSequence;
          if (isCleared) this.messages.delete(sequence);
        }
        break;
      case "session_updated":
        this.title = change.session.title;
        break;
      case "state_put":
        for (const { key, version } of change.states) this.states.set(key, version);
        break;
      case "state_deleted":
        this.states.delete(change.key);
        break;
      case "session_deleted":
    }
  }
}

/** Does something, which depends on the step alone. */
async function change(session: LiveSession, server: LiveServer, step: number): Promise<void> {
  const { messages, sessions, agentStates, writes } = server.storage;
  const { items } = await messages.read(session, EVERYTHING, WIDE);
  const { id, sequence } = items[Math.floor(items.length / 2)] ?? { id: "", sequence: 0 };
  switch (step % 9) {
    case 0:
    case 4:
      await server.append(...Array.from({ length: (step % 4) + 1 }, () => `step ${step}`));
      return;
    case 1:
      await messages.update(session, id, { content: `edited in ${step}` }, undefined);
      return;
    case 2:
      await messages.delete(session, id);
      return;
    case 3:
      await sessions.update(session, { title: `step ${step}` });
      return;
    case 5:
      await server.appendAll({ ...appendOf(newMessage()), agentStates: [newState({ key: "a" })] });
      return;
    case 6: {
      const { ref } = await startWrite(server.storage, session);
      await writes.finish(ref, endOf({ text: `written in ${step}` }));
      return;
    }
    case 7:
      if (step % 2 === 0) await agentStates.put(session, newState({ key: "b" }));
      else await agentStates.delete(session, "a", undefined);
      return;
    default:
      if (sequence > 4) await messages.clear(session, sequence - 1);
      await server.append(`after ${step}`);
  }
}

async function changeAll(session: LiveSession, server: LiveServer): Promise<void> {
  for (let step = STEPS; step < 2 * STEPS; step += 1) {
    await change(session, server, step);
    // So that a server that polls finds some of it alone, and some together.
    if (step % 4 === 0) await setImmediate();
  }
  await server.append(LAST);
}

/** Follows while everything happens, and gives what was held after each frame. */
async function followAll(session: LiveSession, server: LiveServer, follower: LiveServer) {
  const reader = follower.follow({ frameMaxMessages: 2 });
  await reader.next();
  const changing = changeAll(session, server);
  const held: (readonly [SessionFrame, Replica])[] = [];
  for (let isLast = false; !isLast; ) {
    const frame = reader.frames[held.length] ?? (await reader.next());
    const replica = new Replica(held.at(-1)?.[1]);
    replica.apply(frame);
    held.push([frame, replica]);
    isLast = frame.type === "messages" && frame.messages.at(-1)?.content === LAST;
  }
  await changing;
  return held;
}

async function expectExactTokens(session: LiveSession, server: LiveServer, follower: LiveServer) {
  for (let step = 0; step < STEPS; step += 1) await change(session, server, step);
  const held = await followAll(session, server, follower);
  const [, end] = held.at(-1) ?? [];

  const { items } = await session.storage.messages.read(session, EVERYTHING, WIDE);
  const stored = new Map(items.map((message) => [message.sequence, message]));
  expect(end?.messages).toEqual(stored);
  expect(held.length).toBeGreaterThan(STEPS);
  for (const [{ resumeToken }, before] of held) {
    const after = await resume(server, resumeToken, before);
    expect(after.at(-1)?.[1] ?? before).toEqual(end);
  }
  return held;
}

/** Resumes, and gives what was held after each frame until the stream had caught up. */
async function resume(server: LiveServer, resumeToken: string, before: Replica | undefined) {
  const reader = server.follow({ start: { from: "resume_token", resumeToken } });
  const frames = await reader.until("caught_up");
  await reader.stop();
  let replica = before;
  return frames.map((frame) => {
    replica = new Replica(replica);
    replica.apply(frame);
    return [frame, replica] as const;
  });
}

it("goes on after any frame with exactly what comes after it", async () => {
  const session = await createLiveSession();
  const server = session.serve();

  await expectExactTokens(session, server, server);
});

it("goes on so after any frame of a stream that was itself resumed", async () => {
  const session = await createLiveSession();
  const server = session.serve();
  const held = await expectExactTokens(session, server, server);
  const [begun] = held.filter(([{ type }]) => type === "caught_up");
  const [, end] = held.at(-1) ?? [];

  const resumed = await resume(server, begun?.[0].resumeToken ?? "", begun?.[1]);

  expect(resumed.filter(([{ type }]) => type === "change").length).toBeGreaterThan(5);
  for (const [{ resumeToken }, before] of resumed) {
    const after = await resume(server, resumeToken, before);
    expect(after.at(-1)?.[1] ?? before).toEqual(end);
  }
});

it("does so on another server, where the frames were found by polling", async () => {
  const session = await createLiveSession();

  await expectExactTokens(session, session.serve(), session.serve({ pollIntervalMs: 1 }));
});
