import type { BenchCase } from "./bench-case.js";
import { appendHot, appendMany, appendOne } from "./cases/append.js";
import { readLast, streamHistory } from "./cases/history.js";

/** All cases, in the order in which they run. */
export const CASES: readonly BenchCase[] = [
  appendOne,
  appendMany,
  appendHot,
  readLast,
  streamHistory,
];
