import type { Extent, Message, Part, Session } from "./model.js";
import type { Page, SessionRef } from "./storage.js";

/** A version of a state, without what it holds. */
export interface StateVersion {
  readonly key: string;
  readonly version: number;
  /** Of bytes; empty for JSON. */
  readonly mediaType: string;
}

/**
 * A change of a session other than the appending of messages, with its result as it is
 * now. One revision makes one change.
 */
export type Change = {
  /** The revision that made it: of several changes to one thing, the last. */
  readonly revision: number;
} & (
  | { readonly type: "message_updated"; readonly message: Message }
  | { readonly type: "message_deleted"; readonly messageId: string; readonly sequence: number }
  | {
      readonly type: "messages_cleared";
      /** Exclusive. */
      readonly afterSequence: number;
      /** Inclusive: the head when they were cleared. */
      readonly throughSequence: number;
    }
  | { readonly type: "session_updated"; readonly session: Session }
  | { readonly type: "session_deleted" }
  | { readonly type: "state_put"; readonly states: readonly StateVersion[] }
  | { readonly type: "state_deleted"; readonly key: string; readonly version: number }
);

/** How far a session has come. */
export interface SessionPosition {
  readonly headSequence: number;
  /** Where it is the head, no message was ever deleted. */
  readonly messageCount: number;
  readonly revision: number;
  /**
   * The newest revision that did anything but append messages: where it is not newer than
   * what a reader has, there are no changes to read and no message is written further.
   */
  readonly changeRevision: number;
}

/** Which changes to read: by revision, and of messages that the reader has. */
export interface ChangeRange {
  /** Exclusive. */
  readonly afterRevision: number;
  /** Inclusive. */
  readonly upToRevision: number;
  /** Changes of messages after it are left out: they are read later, as they are then. */
  readonly upToSequence: number;
}

/** Which messages of a session have changed since a revision. */
export interface ChangedMessages {
  readonly sequences: readonly number[];
  /** All messages after this sequence were deleted; undefined if none were at once. */
  readonly clearedAfter: number | undefined;
}

/** A message that is being written, without what it holds. */
export interface WrittenMessage {
  readonly messageId: string;
  readonly sequence: number;
  /** Each checkpoint raises it. */
  readonly revision: number;
  /** The revision in which its present writer began. */
  readonly epoch: number;
}

/** What is durable of a message past some of it. */
export interface WrittenTail {
  /** The message's. */
  readonly revision: number;
  readonly past: Extent;
  readonly text: string;
  readonly parts: readonly Part[];
}

/** What followers read: how sessions change. Errors are as those of Storage. */
export interface ChangeStorage {
  /** Tells how far a session has come. */
  position(ref: SessionRef): Promise<SessionPosition>;

  /**
   * Reads the changes of a range in the order of their revisions.
   *
   * Checkpoints of a message that is being written are no changes here; that its writing
   * began again, ended or was interrupted is. What changes again while it is read may be
   * given as it was or as it is, and is given again in a range of newer revisions.
   */
  read(ref: SessionRef, range: ChangeRange, maxItems: number): Promise<Page<Change>>;

  /**
   * Tells which messages were edited, deleted, or written again or to the end by newer
   * revisions than one; undefined if there were more than `maxChanges` changes. Appends, and
   * checkpoints of a message that is being written, are none.
   */
  changedMessages(
    ref: SessionRef,
    afterRevision: number,
    maxChanges: number,
  ): Promise<ChangedMessages | undefined>;

  /** Gives the messages that are being written, by sequence. */
  messagesBeingWritten(ref: SessionRef): Promise<readonly WrittenMessage[]>;

  /**
   * Gives what is durable of a message past an extent that it had, without giving the text
   * before, though it reads all parts; undefined if it is not being written any more.
   */
  tail(ref: SessionRef, sequence: number, past: Extent): Promise<WrittenTail | undefined>;

  /**
   * Gives the revisions of sessions, of whatever tenant, deleted ones included; those that
   * never were are left out.
   */
  revisions(sessionIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
}
