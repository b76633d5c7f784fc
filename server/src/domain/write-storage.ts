import type { NewApiCall } from "./api-call.js";
import type { Message, MessageStatus, Part } from "./model.js";
import type { NewMessage, SessionRef } from "./storage.js";

/** A message to begin to write, without content or parts. */
export interface NewWrite {
  readonly message: NewMessage;
  /** Who writes it, a UUID: the same writer takes over from itself at once. */
  readonly writerId: string;
  readonly leaseMs: number;
  /** The session's head; 0 if nothing was ever appended. Undefined is any. */
  readonly expectedHeadSequence: number | undefined;
}

/** What a start gave. */
export interface StartedWrite {
  /** The message: new, or as far as it was written before, or finished. */
  readonly message: Message;
  /**
   * What the writer's checkpoints are let through by: the revision that the start made, which
   * is higher than that of every start before. Undefined if the message is finished, so that
   * nothing is to be written.
   */
  readonly epoch: number | undefined;
  /** Whether this start appended the message. */
  readonly isNew: boolean;
  readonly headSequence: number;
  readonly revision: number;
}

/** Which writing of which message. */
export interface WriteRef extends SessionRef {
  readonly messageId: string;
  readonly sequence: number;
  readonly epoch: number;
}

/** What is added to a message. */
export interface WrittenText {
  readonly text: string;
  readonly parts: readonly Part[];
}

/** How a message ends. */
export interface WriteEnd extends WrittenText {
  readonly status: Exclude<MessageStatus, "streaming">;
  /** All parts, in place of those that there are; undefined leaves them. */
  readonly allParts: readonly Part[] | undefined;
  /** Undefined leaves what the header said. */
  readonly tokenCount: number | undefined;
  /** The call that produced the message, if it is to be recorded with it. */
  readonly apiCall: NewApiCall | undefined;
}

/**
 * Keeps messages while they are being written. Errors are as those of Storage.
 *
 * A message is `streaming` exactly as long as it has a lease here. Leases are measured by
 * the database's clock. Editing a message that is being written is `failed_precondition`
 * MESSAGE_IN_PROGRESS; deleting or clearing it, or its session, ends its lease.
 *
 * What continues a writing throws, where it is not any more what the ref says:
 * - `not_found` MESSAGE_DELETED or SESSION_DELETED, if it was deleted;
 * - `aborted` WRITER_REPLACED, if another start took it over, or finished it;
 * - `aborted` WRITE_INTERRUPTED, if its lease ran out and it was made `interrupted`.
 */
export interface WriteStorage {
  /**
   * Appends a message that is `streaming`, or takes over one that was begun before: one
   * that is interrupted, or whose lease ran out, was released, or is this writer's own.
   *
   * Appending raises the revision by one and so does taking over; both give a new epoch.
   * An id that is known is looked at before any expectation is compared.
   *
   * @throws StateError `aborted` WRITER_ACTIVE if another writer holds the lease.
   * @throws StateError `aborted` SEQUENCE_CONFLICT if it is new, and the head is not the expected one.
   * @throws StateError `already_exists` ID_REUSED or MESSAGE_DELETED if the id is known with another hash, or deleted.
   */
  start(ref: SessionRef, write: NewWrite): Promise<StartedWrite>;

  /**
   * Adds to the message in one update, renews the lease, and gives the session's new revision.
   *
   * @throws StateError `resource_exhausted` LIMIT_EXCEEDED if the message would hold more
   * than the largest request.
   */
  checkpoint(ref: WriteRef, written: WrittenText, leaseMs: number): Promise<number>;

  /** Renews the lease. The revision stays. */
  renew(ref: WriteRef, leaseMs: number): Promise<void>;

  /**
   * Lets any writer take the message over before the lease runs out. The message stays
   * `streaming` until then, and the revision as it is. Does nothing if it is not the ref's any more.
   */
  release(ref: WriteRef): Promise<void>;

  /**
   * Adds the last of the message, ends its writing and records the call that produced it,
   * in one transaction and one revision. A call that is recorded already stays as it is.
   *
   * @throws StateError `already_exists` ID_REUSED if the tenant has another call with the id.
   */
  finish(
    ref: WriteRef,
    end: WriteEnd,
  ): Promise<{ readonly message: Message; readonly revision: number }>;

  /**
   * Makes messages `interrupted` whose lease ran out, each in a revision of its own, and
   * gives the sessions that they are of. Servers may do so at once.
   *
   * Those whose session is locked are left for the next time; it throws only if none could
   * be interrupted.
   */
  interruptExpired(): Promise<readonly string[]>;
}
