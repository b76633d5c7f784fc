import { quiet } from "../quiet.js";

/**
 * Waits for what comes first: the end of a promise, or that the signal is aborted.
 *
 * @throws what the promise fails with, or the signal's reason.
 */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  // Where the signal is first, nobody waits for it.
  void quiet(promise);
  signal.throwIfAborted();
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop);
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (stop) signal.removeEventListener("abort", stop);
  }
}
