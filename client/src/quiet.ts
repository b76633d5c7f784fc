/** Gives a promise whose failure does not end the process where nobody waits for it. */
export function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
