import type { BenchCase } from "./bench-case.js";
import { appendBatches, appendHot, appendMany, appendOne } from "./cases/append.js";
import { chatStream } from "./cases/chat-stream.js";
import { coldStream } from "./cases/cold-stream.js";
import { delta } from "./cases/delta.js";
import { fanOut } from "./cases/fan-out.js";
import { firstFrame, firstFrameCold } from "./cases/first-frame.js";
import { follow, followGroup, followPoll } from "./cases/follow.js";
import { readLast, streamHistory } from "./cases/history.js";
import { idleFollowers } from "./cases/idle-followers.js";
import { appendToLong, lastOfLong } from "./cases/long-session.js";
import { memory } from "./cases/memory.js";
import { pipeline, pipelineHot } from "./cases/pipeline.js";
import { plainObjects } from "./cases/plain-objects.js";
import { sessionPages } from "./cases/session-pages.js";
import { soak } from "./cases/soak.js";
import { stalledFollower } from "./cases/stalled-follower.js";
import { start } from "./cases/start.js";
import { workers } from "./cases/workers.js";
import { writers } from "./cases/writers.js";

/**
 * All cases, in the order in which they run: first what V8 compiles an append at in the least
 * time, so that the others begin with a server that has run for a while.
 */
export const CASES: readonly BenchCase[] = [
  appendMany,
  appendOne,
  appendHot,
  appendBatches,
  writers,
  appendToLong,
  workers,
  pipeline,
  pipelineHot,
  readLast,
  lastOfLong,
  firstFrame,
  firstFrameCold,
  streamHistory,
  coldStream,
  plainObjects,
  sessionPages,
  follow,
  followGroup,
  followPoll,
  delta,
  chatStream,
  fanOut,
  idleFollowers,
  stalledFollower,
  memory,
  soak,
  start,
];
