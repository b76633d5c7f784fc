import { getEventListeners } from "node:events";
import { setImmediate } from "node:timers/promises";
import type { SessionEvent } from "@mofa-state/client";
import { describe, expect, it, onTestFinished } from "vitest";
import { countDependants } from "../dependants.js";
import { openScripted } from "../scripted-server.js";
import { batch, type Stream } from "../scripted-stream.js";
import { HEADER, scriptWriting, takeAll } from "../scripted-writing.js";

const MANY = 100;
const DONE = { done: true, value: undefined };
const stream = (call: Stream) => void call.write(batch("one", 1));

/** Begins to follow many times, and waits for the first event of each. */
async function followMany(signal: AbortSignal): Promise<AsyncGenerator<SessionEvent, void>[]> {
  const session = await openScripted({ stream });
  const follows = Array.from({ length: MANY }, () => session.follow({ signal }));
  await Promise.all(follows.map((follow) => follow.next()));
  return follows;
}

/** Gives the warnings that the process has from now on, to the end of the test. */
function collectWarnings(): Error[] {
  const warnings: Error[] = [];
  const add = (warning: Error) => void warnings.push(warning);
  process.on("warning", add);
  onTestFinished(() => void process.off("warning", add));
  return warnings;
}

describe("the signal of many follows", () => {
  it("is let go of when they are left", async () => {
    const { signal } = new AbortController();
    const follows = await followMany(signal);
    const during = getEventListeners(signal, "abort").length;

    await Promise.all(follows.map((follow) => follow.return()));

    expect(during).toBeGreaterThan(0);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("is let go of when they are left while they wait", async () => {
    const { signal } = new AbortController();
    const follows = await followMany(signal);
    const waiting = follows.map((follow) => follow.next());

    await Promise.all(follows.map((follow) => follow.return()));

    await expect(Promise.all(waiting)).resolves.toEqual(Array(MANY).fill(DONE));
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("cancels them all, and is let go of", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const follows = await followMany(signal);
    const waiting = follows.map((follow) => follow.next());

    controller.abort("enough");

    const ends = await Promise.allSettled(waiting);
    const reason = { code: "cancelled", cause: "enough" };
    expect(ends).toMatchObject(Array(MANY).fill({ status: "rejected", reason }));
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("is not held by those that never started, whether they are left or not", async () => {
    const { signal } = new AbortController();
    const session = await openScripted({ stream });

    session.follow({ signal });
    const left = session.follow({ signal });

    await expect(left.return()).resolves.toEqual(DONE);
    await expect(left.next()).resolves.toEqual(DONE);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("cancels those that start after it was aborted", async () => {
    const session = await openScripted({ stream });

    const follow = session.follow({ signal: AbortSignal.abort("enough") });

    await expect(follow.next()).rejects.toMatchObject({ code: "cancelled", cause: "enough" });
  });

  it("keeps nothing of them, and nothing is to be warned of", async () => {
    const warnings = collectWarnings();
    const { signal } = new AbortController();
    const follows = await followMany(signal);
    const kept = countDependants(signal);

    await Promise.all(follows.map((follow) => follow.return()));
    await setImmediate();

    expect(kept).toBe(0);
    expect(warnings).toEqual([]);
  });

  it("is not warned of where many other calls share it", async () => {
    const warnings = collectWarnings();
    const { signal } = new AbortController();
    const script = scriptWriting(...Array(MANY).fill(takeAll));
    const session = await openScripted(script);

    const replies = Array.from({ length: MANY }, () => session.write(HEADER, { signal }));
    const refreshed = Array.from({ length: MANY }, () => session.refresh({ signal }));
    await Promise.all([...replies.map((reply) => reply.finish()), ...refreshed]);
    // A writer has its message before its call has ended.
    while (getEventListeners(signal, "abort").length > 0) await setImmediate();

    expect(warnings).toEqual([]);
  });
});
