import { Checks } from "./checks.js";
import { type Limits, MAX_KEY_BYTES } from "./limits.js";
import type { JsonObject, Session } from "./model.js";
import {
  type ListPage,
  type PageRequest,
  toListPage,
  toPageBounds,
  toPagePosition,
} from "./page.js";
import { hashFork, hashSession } from "./request-hash.js";
import type { SessionChange, SessionFilter, SessionStorage, SessionToOpen } from "./storage.js";
import { newUuid } from "./uuid.js";

const MAX_TITLE_BYTES = 1_024;
const MAX_FILTER_KEYS = 16;

/** The most top-level keys of a session's metadata: each is kept apart, for lists to find it by. */
const MAX_METADATA_KEYS = 1_000;

/** What a client sets of a session; empty text is none. */
export interface SessionInput {
  readonly id: string;
  readonly key: string;
  readonly userId: string;
  readonly agentId: string;
  readonly title: string;
  readonly metadata: JsonObject;
}

/** An update as a client asks for it. */
export interface SessionUpdate {
  readonly session: Pick<SessionInput, "id" | "title" | "metadata">;
  readonly updateMask: readonly string[];
  readonly metadataSet: JsonObject;
  readonly metadataRemove: readonly string[];
  readonly expectedVersion: number | undefined;
}

/** A list as a client asks for it; empty text is no filter. */
export interface SessionQuery extends PageRequest {
  readonly userId: string;
  readonly agentId: string;
  readonly forkSessionId: string;
  readonly metadata: JsonObject;
  readonly updatedAfter: Date | undefined;
  readonly updatedBefore: Date | undefined;
}

/** A fork as a client asks for it. */
export interface ForkInput {
  readonly sessionId: string;
  /** The last sequence that it shares; undefined for the head. */
  readonly atSequence: number | undefined;
  readonly session: SessionInput;
}

/** The rules of sessions: checks what clients send, and hands it to the storage. */
export class Sessions {
  readonly #storage: SessionStorage;
  readonly #limits: Limits;

  constructor(storage: SessionStorage, limits: Limits) {
    this.#storage = storage;
    this.#limits = limits;
  }

  /** Creates a session, see {@link SessionStorage.create}. */
  create(tenantId: string, input: SessionInput): Promise<Session> {
    const checks = new Checks();
    const session = this.#toNewSession(checks, tenantId, input);
    checks.throwIfAny();
    return this.#storage.create(session);
  }

  /** Opens a session, see {@link SessionStorage.open}. */
  open(
    tenantId: string,
    input: SessionInput,
  ): Promise<{ readonly session: Session; readonly created: boolean }> {
    const checks = new Checks();
    const session = this.#toNewSession(checks, tenantId, input);
    if (input.id === "" && input.key === "") {
      checks.add("session", "needs an id, a key or both to be opened by");
    }
    checks.throwIfAny();
    return this.#storage.open(session);
  }

  /** Creates a session that shares the messages of another one, see {@link SessionStorage.fork}. */
  fork(tenantId: string, input: ForkInput): Promise<Session> {
    const checks = new Checks();
    const sessionId = checks.uuid("session_id", input.sessionId);
    const atSequence = checks.optionalInteger("at_sequence", input.atSequence, 0);
    const session = this.#toNewSession(checks, tenantId, input.session);
    checks.throwIfAny();
    const requestHash = hashFork(session, sessionId, atSequence);
    return this.#storage.fork({ tenantId, sessionId }, { ...session, requestHash, atSequence });
  }

  /** Gives the session with this id. */
  get(tenantId: string, sessionId: string): Promise<Session> {
    const checks = new Checks();
    const id = checks.uuid("session_id", sessionId);
    checks.throwIfAny();
    return this.#storage.get({ tenantId, sessionId: id });
  }

  /** Gives the session with this key. */
  getByKey(tenantId: string, key: string): Promise<Session> {
    const checks = new Checks();
    checks.requiredText("key", key, MAX_KEY_BYTES);
    checks.throwIfAny();
    return this.#storage.getByKey(tenantId, key);
  }

  /** Lists sessions, the most recently active first. */
  async list(tenantId: string, query: SessionQuery): Promise<ListPage<Session>> {
    const checks = new Checks();
    const filter = this.#toFilter(checks, query);
    const bounds = toPageBounds(checks, query, this.#limits);
    checks.throwIfAny();
    const binding = toBinding(tenantId, filter);
    const [updatedAt, id] =
      toPagePosition(checks, query, { binding, shape: ["number", "string"] }) ?? [];
    checks.throwIfAny();
    const after =
      updatedAt === undefined ? undefined : { updatedAt: new Date(updatedAt), id: String(id) };
    const page = await this.#storage.list(tenantId, filter, after, bounds);
    return toListPage(page, binding, (session) => [session.updatedAt.getTime(), session.id]);
  }

  /** Changes title and metadata, see {@link SessionStorage.update}. */
  update(tenantId: string, update: SessionUpdate): Promise<Session> {
    const checks = new Checks();
    const sessionId = checks.uuid("session.id", update.session.id);
    const change = this.#toChange(checks, update);
    checks.throwIfAny();
    return this.#storage.update({ tenantId, sessionId }, change);
  }

  /** Deletes a session with its messages and states. */
  delete(tenantId: string, sessionId: string): Promise<void> {
    const checks = new Checks();
    const id = checks.uuid("session_id", sessionId);
    checks.throwIfAny();
    return this.#storage.delete({ tenantId, sessionId: id });
  }

  #toNewSession(checks: Checks, tenantId: string, input: SessionInput): SessionToOpen {
    const id = checks.optionalUuid("session.id", input.id);
    const key = checks.text("session.key", input.key, MAX_KEY_BYTES);
    checkMetadata(checks, "session.metadata", input.metadata, this.#limits.maxMetadataBytes);
    const settable = {
      key: key === "" ? undefined : key,
      userId: checks.optionalUuid("session.user_id", input.userId),
      agentId: checks.optionalUuid("session.agent_id", input.agentId),
      title: checks.text("session.title", input.title, MAX_TITLE_BYTES),
      metadata: input.metadata,
    };
    checks.throwIfAny();
    const requestHash = hashSession(settable);
    return { ...settable, tenantId, id: id ?? newUuid(), idIsGiven: id !== undefined, requestHash };
  }

  #toFilter(checks: Checks, query: SessionQuery): SessionFilter {
    const entries = Object.entries(query.metadata);
    checks.metadata("metadata", query.metadata, this.#limits.maxMetadataBytes);
    if (entries.length > MAX_FILTER_KEYS) {
      checks.add("metadata", `must not have more than ${MAX_FILTER_KEYS} keys`);
    }
    if (entries.some(([, value]) => typeof value === "object" && value !== null)) {
      checks.add("metadata", "must have values that are strings, numbers, booleans or null");
    }
    return {
      userId: checks.optionalUuid("user_id", query.userId),
      agentId: checks.optionalUuid("agent_id", query.agentId),
      forkSessionId: checks.optionalUuid("fork_session_id", query.forkSessionId),
      metadata: query.metadata,
      updatedAfter: checks.optionalTime("updated_after", query.updatedAfter),
      updatedBefore: checks.optionalTime("updated_before", query.updatedBefore),
    };
  }

  #toChange(checks: Checks, update: SessionUpdate): SessionChange {
    const { session, updateMask, metadataSet, metadataRemove } = update;
    const merges = Object.keys(metadataSet).length > 0 || metadataRemove.length > 0;
    checkMask(checks, updateMask, merges);
    const limit = this.#limits.maxMetadataBytes;
    checkMetadata(checks, "session.metadata", session.metadata, limit);
    checks.metadata("metadata_set", metadataSet, limit);
    if (metadataRemove.some((key) => Object.hasOwn(metadataSet, key))) {
      checks.add("metadata_remove", "must not name a key that metadata_set sets");
    }
    return {
      title: updateMask.includes("title")
        ? checks.text("session.title", session.title, MAX_TITLE_BYTES)
        : undefined,
      metadata: toMetadataChange(update, limit),
      expectedVersion: checks.optionalInteger("expected_version", update.expectedVersion, 0),
    };
  }
}

/** Gives what makes the new metadata of the present one, if the update changes it. */
function toMetadataChange(update: SessionUpdate, maxBytes: number): SessionChange["metadata"] {
  const { session, updateMask, metadataSet, metadataRemove } = update;
  if (updateMask.includes("metadata")) return () => session.metadata;
  if (Object.keys(metadataSet).length === 0 && metadataRemove.length === 0) return undefined;
  return (present) => mergeMetadata(present, update, maxBytes);
}

function checkMetadata(
  checks: Checks,
  field: string,
  metadata: JsonObject,
  maxBytes: number,
): void {
  checks.metadata(field, metadata, maxBytes);
  if (Object.keys(metadata).length > MAX_METADATA_KEYS) {
    checks.tooLarge(field, `${MAX_METADATA_KEYS} top-level keys`);
  }
}

function checkMask(checks: Checks, updateMask: readonly string[], merges: boolean): void {
  const unknown = updateMask.find((path) => path !== "title" && path !== "metadata");
  if (unknown !== undefined) {
    checks.add("update_mask", `must name title or metadata, not ${JSON.stringify(unknown)}`);
  }
  if (updateMask.length === 0 && !merges) {
    checks.add("update_mask", "is required where metadata_set and metadata_remove are empty");
  }
  if (updateMask.includes("metadata") && merges) {
    checks.add(
      "update_mask",
      "must not name metadata together with metadata_set or metadata_remove",
    );
  }
}

/** Gives the present metadata with keys set and removed; what results must fit too. */
function mergeMetadata(
  present: JsonObject,
  { metadataSet, metadataRemove }: SessionUpdate,
  maxBytes: number,
): JsonObject {
  const kept = Object.entries(present).filter(([key]) => !metadataRemove.includes(key));
  const merged = Object.fromEntries([...kept, ...Object.entries(metadataSet)]);
  const checks = new Checks();
  checkMetadata(checks, "metadata_set", merged, maxBytes);
  checks.throwIfAny();
  return merged;
}

/** What a page token of this list is bound to. */
function toBinding(tenantId: string, filter: SessionFilter): JsonObject {
  return {
    list: "sessions",
    tenantId,
    userId: filter.userId ?? "",
    agentId: filter.agentId ?? "",
    forkSessionId: filter.forkSessionId ?? "",
    metadata: filter.metadata ?? {},
    updatedAfter: filter.updatedAfter?.getTime() ?? "",
    updatedBefore: filter.updatedBefore?.getTime() ?? "",
  };
}
