import { onTestFinished } from "vitest";

/** Gives what is rejected from now on without anybody to handle it. */
export function watchRejections(): readonly unknown[] {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => void unhandled.push(reason);
  process.on("unhandledRejection", note);
  onTestFinished(() => void process.off("unhandledRejection", note));
  return unhandled;
}
