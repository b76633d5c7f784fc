import { AsyncLocalStorage } from "node:async_hooks";
import { StateError } from "../errors.js";

/** What ends when all that was queued for a session has ended, by session. */
const ends = new Map<string, Promise<void>>();

/** The task that runs, by session. */
const running = new Map<string, object>();

/** A task that waits for its tools. */
interface Waiter {
  readonly sessionId: string;
  readonly task: object | undefined;
}

/** What the tools of a task have queued for another session, or the same. */
interface Wait {
  readonly waiter: Waiter;
  readonly sessionId: string;
}

const waiters = new AsyncLocalStorage<Waiter>();
const waits = new Set<Wait>();

/**
 * Runs a task when all earlier ones of the session, in this process, have ended.
 *
 * @throws StateError `failed_precondition` TURN_WAITS, at once, if it is asked for by a tool that
 * the session's running task waits for, directly or through tools of other sessions.
 */
export function runInOrder<T>(sessionId: string, task: () => Promise<T>): Promise<T> {
  const wait = toWait(sessionId);
  const before = ends.get(sessionId) ?? Promise.resolve();
  const result = before.then(() => run(sessionId, task));
  const end = result
    .then(
      () => undefined,
      () => undefined,
    )
    .then(() => {
      if (wait) waits.delete(wait);
      if (ends.get(sessionId) === end) ends.delete(sessionId);
    });
  ends.set(sessionId, end);
  return result;
}

/** Runs a tool that the session's running task waits for. */
export function runWaitedFor<T>(sessionId: string, tool: () => T): T {
  return waiters.run({ sessionId, task: running.get(sessionId) }, tool);
}

async function run<T>(sessionId: string, task: () => Promise<T>): Promise<T> {
  running.set(sessionId, task);
  try {
    return await task();
  } finally {
    running.delete(sessionId);
  }
}

/** Notes that a tool queues something, if one does. */
function toWait(sessionId: string): Wait | undefined {
  const waiter = waiters.getStore();
  // A tool may go on when its turn no longer waits for it.
  if (!waiter || !isRunning(waiter)) return undefined;
  if (waitsFor(sessionId, waiter.sessionId)) throw turnWaits(sessionId);
  const wait = { waiter, sessionId };
  waits.add(wait);
  return wait;
}

function waitsFor(sessionId: string, other: string): boolean {
  if (sessionId === other) return true;
  const own = [...waits].filter(({ waiter }) => waiter.sessionId === sessionId);
  return own.some((wait) => isRunning(wait.waiter) && waitsFor(wait.sessionId, other));
}

function isRunning({ sessionId, task }: Waiter): boolean {
  return running.get(sessionId) === task;
}

function turnWaits(sessionId: string): StateError {
  const what = `a turn of session ${sessionId} waits for the tool that asks for this`;
  const how = "let the tool use another session, or let it end first";
  return new StateError("failed_precondition", `${what}: ${how}`, { reason: "TURN_WAITS" });
}
