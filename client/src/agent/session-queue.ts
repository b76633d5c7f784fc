/** What ends when all that was queued for a session has ended, by session. */
const ends = new Map<string, Promise<void>>();

/** Runs a task when all earlier ones of the session, in this process, have ended. */
export function runInOrder<T>(sessionId: string, task: () => Promise<T>): Promise<T> {
  const before = ends.get(sessionId) ?? Promise.resolve();
  const result = before.then(task);
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
