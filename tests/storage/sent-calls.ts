import { onTestFinished, vi } from "vitest";
import type { Dialect } from "../../server/src/storage/dialect.js";

/** Counts from now on what is sent to the databases of a dialect, until the test is finished. */
export function countSent(dialect: Dialect) {
  const run = vi.spyOn(dialect, "run");
  const runAll = vi.spyOn(dialect, "runAll");
  onTestFinished(() => {
    run.mockRestore();
    runAll.mockRestore();
  });
  return {
    /** How many statements were sent alone, and how many times several at once, since it was last asked. */
    take() {
      const counts = { alone: run.mock.calls.length, together: runAll.mock.calls.length };
      run.mockClear();
      runAll.mockClear();
      return counts;
    },
  };
}
