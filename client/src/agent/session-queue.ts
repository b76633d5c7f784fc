import { AsyncLocalStorage } from "node:async_hooks";
import { StateError } from "../errors.js";

/** What ends when all that was queued for a session has ended, by session. */
const ends = new Map<string, Promise<void>>();

/** The task that runs, by session. */
const running = new Map<string, object>();

/** A task whose tools run. */
interface Waiting {
  readonly sessionId: string;
  readonly task: object | undefined;
  /** The one that waits for it. */
  readonly outer: Waiting | undefined;
}

const waiting = new AsyncLocalStorage<Waiting>();

/**
 * Runs a task when all earlier ones of the session, in this process, have ended.
 *
 * @throws StateError `failed_precondition` TURN_WAITS, at once, if it is asked for by a tool that
 * the session's running task waits for, directly or through tools of other sessions.
 */
export function runInOrder<T>(sessionId: string, task: () => Promise<T>): Promise<T> {
  if (isWaiting(sessionId)) throw turnWaits(sessionId);
  const before = ends.get(sessionId) ?? Promise.resolve();
  const result = before.then(() => run(sessionId, task));
  const end = result
    .then(
      () => undefined,
      () => undefined,
    )
    .then(() => {
      if (ends.get(sessionId) === end) ends.delete(sessionId);
    });
  ends.set(sessionId, end);
  return result;
}

/** Runs a tool that the session's running task waits for. */
export function runWaitedFor<T>(sessionId: string, tool: () => T): T {
  const outer = waiting.getStore();
  return waiting.run({ sessionId, task: running.get(sessionId), outer }, tool);
}

async function run<T>(sessionId: string, task: () => Promise<T>): Promise<T> {
  running.set(sessionId, task);
  try {
    return await task();
  } finally {
    running.delete(sessionId);
  }
}

/** A tool may go on when its turn no longer waits for it, and then it may chat. */
function isWaiting(sessionId: string): boolean {
  for (let each = waiting.getStore(); each; each = each.outer) {
    if (each.sessionId === sessionId && running.get(sessionId) === each.task) return true;
  }
  return false;
}

function turnWaits(sessionId: string): StateError {
  const what = `a turn of session ${sessionId} waits for the tool that asks for this`;
  const how = "let the tool use another session, or let it end first";
  return new StateError("failed_precondition", `${what}: ${how}`, { reason: "TURN_WAITS" });
}
