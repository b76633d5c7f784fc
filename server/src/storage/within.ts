import { unavailable } from "./failures.js";

/** Gives a promise's outcome, or after `ms` milliseconds calls `onTimeout` and throws `unavailable`. */
export async function within<T>(
  ms: number,
  promise: Promise<T>,
  onTimeout: () => void,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      onTimeout();
      reject(unavailable("the database does not answer: try again", undefined));
    }, ms);
  });
  try {
    return await Promise.race([promise, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
