import type { Change } from "../change-storage.js";
import type { Extent, Part } from "../model.js";
import type { Appended } from "../storage.js";

/**
 * More of a message that is being written. It takes the place of what a follower holds
 * from `offset`, or from `partIndex`, on.
 */
export interface MessageDelta {
  readonly messageId: string;
  readonly sequence: number;
  /** Of the start by which it is written. */
  readonly epoch: number;
  /** How many UTF-8 bytes of the content come before `text`. */
  readonly offset: number;
  readonly text: string;
  /** How many parts come before `parts`. */
  readonly partIndex: number;
  readonly parts: readonly Part[];
}

/** How far a message that is being written has become durable. */
export interface Checkpoint extends Extent {
  readonly revision: number;
  readonly sequence: number;
}

/**
 * Takes what this server has committed, for those who follow the session here, and lets
 * the other servers know.
 *
 * No method waits or throws. What is known in full spares the followers here a look into
 * the database; where something is missing in between, they look there.
 */
export interface Announcements {
  /** Says that a session has a new revision, without saying what it changed. */
  changed(sessionId: string): void;

  /** Says what an append stored; a repeated one says nothing new. */
  appended(sessionId: string, appended: Appended): void;

  /** Says what a change of something else did. */
  updated(sessionId: string, change: Change): void;

  /** Shows text that is not durable yet to the followers here. */
  written(sessionId: string, delta: MessageDelta): void;

  /** Says that a message that is being written is durable up to a point. */
  checkpointed(sessionId: string, checkpoint: Checkpoint): void;
}
