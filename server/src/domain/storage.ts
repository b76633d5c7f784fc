import type { NewApiCall } from "./api-call.js";
import type { ChangeStorage, SessionPosition } from "./change-storage.js";
import type { Doorbell } from "./doorbell.js";
import type { EncodedBounds, EncodedPage } from "./history-cache/encoded-page.js";
import type {
  AgentState,
  JsonObject,
  Message,
  MessageContent,
  Role,
  Session,
  StatePayload,
} from "./model.js";
import type { UsageStorage } from "./usage-storage.js";
import type { WriteStorage } from "./write-storage.js";

/**
 * Where sessions, messages and agent state are kept: what the rules ask of a database.
 *
 * A method that writes runs in one transaction, takes effect wholly or not at all, and has
 * made its data durable when it returns. Tenants are apart: a session
 * of another tenant is as one that does not exist.
 *
 * Every method throws StateError:
 * - `not_found` with reason SESSION_NOT_FOUND or SESSION_DELETED, where it names a
 *   session that the tenant does not have or has deleted;
 * - `unavailable` with reason DATABASE_UNAVAILABLE, where the database cannot serve it
 *   now; whether a write took effect is then unknown, and repeating it is safe;
 * - `resource_exhausted` or `failed_precondition`, where the database is full or read-only.
 *
 * Input has been validated: ids are lower-case UUIDs, text has no U+0000.
 */
export interface Storage {
  readonly sessions: SessionStorage;
  readonly messages: MessageStorage;
  readonly agentStates: AgentStateStorage;
  readonly changes: ChangeStorage;
  readonly writes: WriteStorage;
  readonly usage: UsageStorage;
  /** How servers on the same database tell each other of changes. */
  readonly doorbell: Doorbell;

  /** The kind of database: `memory`, `sqlite`, `postgres` or `mysql`. */
  readonly backend: string;

  /** How many migrations the schema has had. */
  readonly schemaVersion: number;

  /** Returns if the database answers. */
  ping(): Promise<void>;

  /** Counts what is stored, in all tenants. */
  count(): Promise<StoredCounts>;

  /** Waits for what is under way, and lets go of the database. Every later call is `unavailable`. */
  close(): Promise<void>;
}

/** How much is stored, in all tenants. Deleted things do not count. */
export interface StoredCounts {
  readonly sessions: number;
  readonly messages: number;
  readonly agentStates: number;
}

/** Which session, of which tenant. */
export interface SessionRef {
  readonly tenantId: string;
  readonly sessionId: string;
}

/** A session to create. */
export interface NewSession {
  readonly tenantId: string;
  readonly id: string;
  readonly key: string | undefined;
  readonly userId: string | undefined;
  readonly agentId: string | undefined;
  readonly title: string;
  readonly metadata: JsonObject;
  /** What the client set, hashed: equal hashes are equal requests. */
  readonly requestHash: Uint8Array;
}

/** A session to open: `id` is what a created one gets, whether or not the client chose it. */
export interface SessionToOpen extends NewSession {
  /** Whether the client chose the id; one that it did not choose names no session. */
  readonly idIsGiven: boolean;
}

/** A fork to create: what it leaves empty is as in the session that is forked. */
export interface NewFork extends NewSession {
  /** The last sequence that it shares; undefined for the head. */
  readonly atSequence: number | undefined;
}

/** A change of a session; what is undefined stays. */
export interface SessionChange {
  readonly title?: string | undefined;
  /** Gives the new metadata from the present one. */
  readonly metadata?: ((present: JsonObject) => JsonObject) | undefined;
  readonly expectedVersion?: number | undefined;
}

/** Which sessions to list; what is undefined is not asked for. */
export interface SessionFilter {
  readonly userId?: string | undefined;
  readonly agentId?: string | undefined;
  /** Forked from this session. */
  readonly forkSessionId?: string | undefined;
  /** Top-level keys and the scalar values that they must have. */
  readonly metadata?: JsonObject | undefined;
  /** Inclusive. */
  readonly updatedAfter?: Date | undefined;
  /** Exclusive. */
  readonly updatedBefore?: Date | undefined;
}

/** The bounds of a page: it ends at `maxItems`, or before `maxBytes` is passed, with one item at least. */
export interface PageBounds {
  readonly maxItems: number;
  readonly maxBytes: number;
}

/** A page, and whether more follows. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly hasMore: boolean;
}

/** Where sessions are kept. */
export interface SessionStorage {
  /**
   * Creates a session, or gives it as it is now if the same request created it before.
   *
   * @throws StateError `already_exists` ID_REUSED if the id is taken, by any tenant.
   * @throws StateError `already_exists` KEY_TAKEN if the tenant has the key on another session.
   * @throws StateError `failed_precondition` SESSION_DELETED if the tenant deleted a session with this id.
   */
  create(session: NewSession): Promise<Session>;

  /**
   * Gives the session that the id or the key names, or creates it.
   *
   * Of any number of concurrent calls for one key, one creates and all give the same session.
   *
   * @throws StateError `already_exists` SESSION_MISMATCH if id and key name two sessions.
   * @throws StateError `already_exists` ID_REUSED if another tenant has the id.
   * @throws StateError `failed_precondition` SESSION_DELETED if the tenant deleted a session with this id.
   */
  open(session: SessionToOpen): Promise<{ session: Session; created: boolean }>;

  /** Gives the session with this id. */
  get(ref: SessionRef): Promise<Session>;

  /** Gives the session with this key. */
  getByKey(tenantId: string, key: string): Promise<Session>;

  /** Lists sessions by (`updatedAt`, `id`) descending, from after `after`. */
  list(
    tenantId: string,
    filter: SessionFilter,
    after: { readonly updatedAt: Date; readonly id: string } | undefined,
    bounds: PageBounds,
  ): Promise<Page<Session>>;

  /**
   * Changes title and metadata, raising version and revision; writes nothing if nothing differs.
   *
   * @throws StateError `aborted` VERSION_CONFLICT if something differs and the version is not the expected one.
   */
  update(ref: SessionRef, change: SessionChange): Promise<Session>;

  /**
   * Creates a session that shares the messages of another one up to a sequence, as they are
   * now, and begins with the agent states of that time; or gives it as it is now if the same
   * request created it before.
   *
   * @throws StateError as {@link SessionStorage.create}.
   * @throws StateError `out_of_range` POSITION_AHEAD if the sequence is past the head.
   * @throws StateError `failed_precondition` MESSAGE_IN_PROGRESS if one of the messages is being written.
   */
  fork(ref: SessionRef, fork: NewFork): Promise<Session>;

  /**
   * Deletes a session with its messages and states; its id stays taken, its key is free.
   * Forks of it keep what they share.
   */
  delete(ref: SessionRef): Promise<void>;
}

/** A message to append. */
export interface NewMessage extends MessageContent {
  readonly id: string;
  readonly role: Role;
  readonly bytes: number;
  /** What the client set, hashed: equal hashes are equal messages. */
  readonly requestHash: Uint8Array;
}

/** A state to put. */
export interface NewAgentState {
  readonly id: string;
  readonly key: string;
  readonly payload: StatePayload;
  readonly bytes: number;
  /** What the client set, hashed: equal hashes are equal states. */
  readonly requestHash: Uint8Array;
  /** The key's current version; 0 for none. Undefined is any. */
  readonly expectedVersion: number | undefined;
}

/** Messages and states to store together, one of them at least, and the calls made for them. */
export interface Append {
  readonly messages: readonly NewMessage[];
  readonly agentStates: readonly NewAgentState[];
  readonly apiCalls: readonly NewApiCall[];
  /** The session's head; 0 if nothing was ever appended. Undefined is any. */
  readonly expectedHeadSequence: number | undefined;
}

/** What an append stored, now or when it was first sent. */
export interface Appended {
  readonly messages: readonly Message[];
  readonly agentStates: readonly AgentState[];
  readonly headSequence: number;
  readonly revision: number;
  /** Whether it had been stored before, and nothing was written now. */
  readonly isRepeated: boolean;
}

/** A change of a message; what is absent stays. */
export type MessageChange = Partial<MessageContent>;

/** Which messages of a session to read. */
export interface MessageRange {
  /** Exclusive. */
  readonly afterSequence: number;
  /** Inclusive. */
  readonly upToSequence: number;
  readonly order: "ascending" | "descending";
  /** Undefined is all. */
  readonly roles?: readonly Role[] | undefined;
}

/** The first messages after a sequence. */
export interface LikelyRange {
  readonly afterSequence: number;
  readonly maxItems: number;
}

/** Where messages are kept. */
export interface MessageStorage {
  /**
   * Appends messages, puts states and records API calls, in one transaction and one revision.
   *
   * Messages get the sequences after the head, in order and without gaps, under any
   * concurrency, and times that do not run backwards within the session.
   *
   * If all ids are known with equal hashes, nothing is written, no expectation is
   * compared, and the answer is what is stored under them. The id of a state is known as
   * long as its version is kept, and among the newest 1,000 versions of its key at least.
   * One whose API calls were purged meanwhile is not known as a whole any more.
   *
   * @throws StateError `already_exists` ID_REUSED, MESSAGE_DELETED or STATE_DELETED if an id is known otherwise.
   * @throws StateError `resource_exhausted` LIMIT_EXCEEDED if what is stored has been edited to more than an answer holds.
   * @throws StateError `aborted` SEQUENCE_CONFLICT if the head is not the expected one.
   * @throws StateError `aborted` VERSION_CONFLICT if a state is not at its expected version.
   * @throws StateError `resource_exhausted` SEQUENCE_EXHAUSTED if the session is out of exact numbers (2^53 - 1).
   */
  append(ref: SessionRef, append: Append): Promise<Appended>;

  /**
   * Gives one message.
   *
   * @throws StateError `not_found` MESSAGE_NOT_FOUND or MESSAGE_DELETED.
   */
  get(ref: SessionRef, messageId: string): Promise<Message>;

  /** Reads the messages of a range in its order. Deleted ones are left out. */
  read(ref: SessionRef, range: MessageRange, bounds: PageBounds): Promise<Page<Message>>;

  /**
   * Reads as {@link MessageStorage.read} does, for those who only pass the messages on: encodes
   * them as they are read.
   */
  readEncoded(ref: SessionRef, range: MessageRange, bounds: EncodedBounds): Promise<EncodedPage>;

  /**
   * Tells how far a session has come, and reads the page of it that `choose` asks for then,
   * if it does, as {@link MessageStorage.read} would: in as few round trips as can be.
   *
   * `choose` may be called again, with a newer position. What it throws is thrown.
   *
   * `likely` is what it will probably ask for, in ascending order: that may be read by the
   * statement that reads the position. The page then has no more messages than it says.
   */
  readFrom(
    ref: SessionRef,
    choose: (position: SessionPosition) => MessageRange | undefined,
    bounds: PageBounds,
    likely?: LikelyRange,
  ): Promise<{ readonly position: SessionPosition; readonly page: Page<Message> | undefined }>;

  /**
   * Reads the messages of a range that every context keeps: system messages, and what is
   * pinned, in ascending order. What lies between them costs nothing.
   */
  readKept(
    ref: SessionRef,
    range: Pick<MessageRange, "afterSequence" | "upToSequence">,
    bounds: PageBounds,
  ): Promise<Page<Message>>;

  /**
   * Gives the sequence after which, up to `upToSequence`, the newest `count` messages lie; 0
   * if there are no more than that.
   */
  sequenceBeforeLast(ref: SessionRef, count: number, upToSequence: number): Promise<number>;

  /**
   * Edits a message, raising its version; writes nothing if nothing differs.
   *
   * @throws StateError `aborted` VERSION_CONFLICT if something differs and the version is not the expected one.
   * @throws StateError `failed_precondition` MESSAGE_IN_PROGRESS if it is being written.
   * @throws StateError `not_found` MESSAGE_NOT_FOUND or MESSAGE_DELETED.
   */
  update(
    ref: SessionRef,
    messageId: string,
    change: MessageChange,
    expectedVersion: number | undefined,
  ): Promise<Message>;

  /**
   * Erases a message, leaving its id, sequence and revision.
   *
   * @throws StateError `not_found` MESSAGE_NOT_FOUND or MESSAGE_DELETED.
   */
  delete(ref: SessionRef, messageId: string): Promise<void>;

  /** Erases all messages after a sequence in one revision, and tells how many they were. */
  clear(ref: SessionRef, afterSequence: number): Promise<number>;
}

/** The place of a state in a list. */
export interface StatePosition {
  readonly revision: number;
  readonly key: string;
  readonly version: number;
}

/** Where agent state is kept. */
export interface AgentStateStorage {
  /** Puts one state: {@link MessageStorage.append} without messages. */
  put(ref: SessionRef, state: NewAgentState): Promise<AgentState>;

  /**
   * Gives a version of a key; the current one if `version` is undefined.
   *
   * @throws StateError `not_found` STATE_NOT_FOUND if it is not there, or not any more.
   */
  get(ref: SessionRef, key: string, version: number | undefined): Promise<AgentState>;

  /** Lists the versions of a key, or of all keys, by (`revision`, `key`, `version`) descending. */
  list(
    ref: SessionRef,
    key: string | undefined,
    after: StatePosition | undefined,
    bounds: PageBounds,
  ): Promise<Page<AgentState>>;

  /**
   * Deletes all versions of a key; the next put continues its versions.
   *
   * @throws StateError `not_found` STATE_NOT_FOUND if there is no current state.
   * @throws StateError `aborted` VERSION_CONFLICT if it is not at the expected version.
   */
  delete(ref: SessionRef, key: string, expectedVersion: number | undefined): Promise<void>;
}
