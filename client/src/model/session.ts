import type { JsonObject } from "./json.js";

/** What is known of a session, as of one answer of the server. */
export interface SessionInfo {
  /** A UUID in lower case, unique in the whole server. */
  readonly id: string;
  /** A name, unique within the tenant, compared byte for byte. */
  readonly key: string | undefined;
  /** The user that the conversation is with: a UUID. */
  readonly userId: string | undefined;
  /** The agent that holds the conversation: a UUID. */
  readonly agentId: string | undefined;
  /** A title for people; empty by default. */
  readonly title: string;
  /** Empty by default. */
  readonly metadata: JsonObject;
  readonly createdAt: Date;
  /** When anything in the session last changed; never runs backwards. */
  readonly updatedAt: Date;
  /** The sequence of the newest message that was ever appended; 0 before the first. */
  readonly headSequence: number;
  /** How many messages there are now. */
  readonly messageCount: number;
  /** Raised by one with every committed change of anything in the session. */
  readonly revision: number;
  /** Raised by one with every change of title or metadata. */
  readonly version: number;
  /** The session that this one was forked from; it stays when that one is deleted. */
  readonly forkSessionId: string | undefined;
  /** The sequence up to which its messages are those of that session; 0 where it is no fork. */
  readonly forkSequence: number;
}

/** A session to create. What is absent is empty. */
export interface NewSession {
  /** A UUID; one is chosen if it is absent. */
  readonly id?: string | undefined;
  /** A name of 1–255 bytes, unique within the tenant. */
  readonly key?: string | undefined;
  /** A UUID. */
  readonly userId?: string | undefined;
  /** A UUID. */
  readonly agentId?: string | undefined;
  readonly title?: string | undefined;
  readonly metadata?: JsonObject | undefined;
}

/** A fork to cut. `userId`, `agentId`, `title` and `metadata` are those of its origin, where empty. */
export interface NewFork extends NewSession {
  /** The last sequence that it has in common with its origin: the head by default, 0 for none. */
  readonly at?: number | undefined;
}

/** Which sessions to list. All filters that are given must match. */
export interface SessionFilter {
  readonly userId?: string | undefined;
  readonly agentId?: string | undefined;
  /** Only forks of this session, not the forks of its forks. */
  readonly forkSessionId?: string | undefined;
  /** Top-level keys of the metadata, and the strings, numbers, booleans or nulls they must have. */
  readonly metadata?: JsonObject | undefined;
  /** Inclusive, in milliseconds. */
  readonly updatedAfter?: Date | undefined;
  /** Exclusive, in milliseconds. */
  readonly updatedBefore?: Date | undefined;
  /** How many sessions to fetch at a time: 50 by default, 1,000 at most. */
  readonly pageSize?: number | undefined;
}

/** One page of sessions. */
export interface SessionPage {
  readonly sessions: readonly SessionInfo[];
  /** Undefined on the last page. */
  readonly nextPageToken: string | undefined;
}

/** A change of a session. What is absent or undefined stays. */
export interface SessionChange {
  readonly title?: string | undefined;
  /** Replaces all the metadata. */
  readonly metadata?: JsonObject | undefined;
  /** Sets these top-level keys of the metadata. Not together with `metadata`. */
  readonly metadataSet?: JsonObject | undefined;
  /** Removes these top-level keys of the metadata. Not together with `metadata`. */
  readonly metadataRemove?: readonly string[] | undefined;
}
