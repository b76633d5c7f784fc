import type { Announcements } from "../follow/announcements.js";
import type { Limits } from "../limits.js";
import type { Logger } from "../log.js";
import type { Storage } from "../storage.js";

/** How messages are written. */
export interface WritingOptions {
  /** Who is shown what is written. */
  readonly announcements: Announcements;
  /** How long a writer that is not heard of keeps its message, in milliseconds. */
  readonly leaseMs: number;
  /** How long text may be not stored yet, in milliseconds. */
  readonly checkpointIntervalMs: number;
  /** From how much text on it is stored at once, in bytes. */
  readonly checkpointBytes: number;
  readonly logger: Logger;
}

/** What the writing of messages works with. */
export interface WritingEnvironment extends WritingOptions {
  readonly storage: Storage;
  readonly limits: Limits;
}
