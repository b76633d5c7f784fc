import type { BenchCase } from "./bench-case.js";
import { appendHot, appendMany, appendOne } from "./cases/append.js";
import { chatStream } from "./cases/chat-stream.js";
import { delta } from "./cases/delta.js";
import { fanOut } from "./cases/fan-out.js";
import { follow, followGroup, followPoll } from "./cases/follow.js";
import { readLast, streamHistory } from "./cases/history.js";
import { idleFollowers } from "./cases/idle-followers.js";
import { pipeline, pipelineHot } from "./cases/pipeline.js";
import { stalledFollower } from "./cases/stalled-follower.js";

/** All cases, in the order in which they run. */
export const CASES: readonly BenchCase[] = [
  appendOne,
  appendMany,
  appendHot,
  pipeline,
  pipelineHot,
  readLast,
  streamHistory,
  follow,
  followGroup,
  followPoll,
  delta,
  chatStream,
  fanOut,
  idleFollowers,
  stalledFollower,
];
