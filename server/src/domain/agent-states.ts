import { Checks } from "./checks.js";
import { type Limits, MAX_KEY_BYTES, MAX_MEDIA_TYPE_BYTES } from "./limits.js";
import type { AgentState, JsonObject, StatePayload } from "./model.js";
import {
  type ListPage,
  type PageRequest,
  toListPage,
  toPageBounds,
  toPagePosition,
} from "./page.js";
import { hashState } from "./request-hash.js";
import type { AgentStateStorage, NewAgentState } from "./storage.js";
import { newUuid } from "./uuid.js";

/** What every stored state takes beside its payload and key, roughly, in bytes. */
const STATE_OVERHEAD_BYTES = 200;
const DEFAULT_MEDIA_TYPE = "application/octet-stream";

/** What a client sets of a state. */
export interface AgentStateInput {
  /** Empty is none. */
  readonly id: string;
  readonly key: string;
  readonly json: string | undefined;
  readonly data: Uint8Array | undefined;
  /** Empty is none. */
  readonly mediaType: string;
  readonly expectedVersion: number | undefined;
}

/** A list as a client asks for it. */
export interface AgentStateQuery extends PageRequest {
  readonly sessionId: string;
  readonly key: string | undefined;
}

/** The rules of agent state: checks what clients send, and hands it to the storage. */
export class AgentStates {
  readonly #storage: AgentStateStorage;
  readonly #limits: Limits;

  constructor(storage: AgentStateStorage, limits: Limits) {
    this.#storage = storage;
    this.#limits = limits;
  }

  /** Stores the next version under a key, see {@link AgentStateStorage.put}. */
  put(tenantId: string, sessionId: string, input: AgentStateInput): Promise<AgentState> {
    const checks = new Checks();
    const id = checks.uuid("session_id", sessionId);
    const state = toNewAgentState(checks, input, "", this.#limits);
    checks.throwIfAny();
    return this.#storage.put({ tenantId, sessionId: id }, state());
  }

  /** Gives a version of a key; the current one if `version` is undefined. */
  get(
    tenantId: string,
    sessionId: string,
    key: string,
    version: number | undefined,
  ): Promise<AgentState> {
    const checks = new Checks();
    const id = checks.uuid("session_id", sessionId);
    checks.text("key", key, MAX_KEY_BYTES);
    checks.optionalInteger("version", version, 1);
    checks.throwIfAny();
    return this.#storage.get({ tenantId, sessionId: id }, key, version);
  }

  /** Lists versions, newest first. */
  async list(tenantId: string, query: AgentStateQuery): Promise<ListPage<AgentState>> {
    const checks = new Checks();
    const sessionId = checks.uuid("session_id", query.sessionId);
    checks.text("key", query.key ?? "", MAX_KEY_BYTES);
    const bounds = toPageBounds(checks, query, this.#limits);
    const binding: JsonObject = {
      list: "agent_states",
      tenantId,
      sessionId,
      key: query.key === undefined ? [] : [query.key],
    };
    const [revision, key, version] =
      toPagePosition(checks, query, { binding, shape: ["number", "string", "number"] }) ?? [];
    checks.throwIfAny();
    const after =
      revision === undefined
        ? undefined
        : { revision: Number(revision), key: String(key), version: Number(version) };
    const page = await this.#storage.list({ tenantId, sessionId }, query.key, after, bounds);
    return toListPage(page, binding, (state) => [state.revision, state.key, state.version]);
  }

  /** Deletes all versions of a key, see {@link AgentStateStorage.delete}. */
  delete(
    tenantId: string,
    sessionId: string,
    key: string,
    expectedVersion: number | undefined,
  ): Promise<void> {
    const checks = new Checks();
    const id = checks.uuid("session_id", sessionId);
    checks.text("key", key, MAX_KEY_BYTES);
    checks.optionalInteger("expected_version", expectedVersion, 0);
    checks.throwIfAny();
    return this.#storage.delete({ tenantId, sessionId: id }, key, expectedVersion);
  }
}

/**
 * Checks a state at `path` of a request (empty, or ending with a dot), and gives what
 * makes it, once everything has been found sound.
 */
export function toNewAgentState(
  checks: Checks,
  input: AgentStateInput,
  path: string,
  limits: Limits,
): () => NewAgentState {
  const id = checks.optionalUuid(`${path}id`, input.id);
  const key = checks.text(`${path}key`, input.key, MAX_KEY_BYTES);
  const expectedVersion = checks.optionalInteger(
    `${path}expected_version`,
    input.expectedVersion,
    0,
  );
  const payload = toPayload(checks, input, path);
  const bytes = Buffer.byteLength(payload.json ?? payload.data);
  if (bytes > limits.maxStateBytes) {
    const field = payload.json === undefined ? "data" : "json";
    checks.tooLarge(`${path}${field}`, `${limits.maxStateBytes} bytes`);
  }
  return () => ({
    id: id ?? newUuid(),
    key,
    payload,
    bytes: STATE_OVERHEAD_BYTES + Buffer.byteLength(key) + bytes,
    requestHash: hashState(key, payload),
    expectedVersion,
  });
}

function toPayload(checks: Checks, input: AgentStateInput, path: string): StatePayload {
  const mediaType = checks.text(`${path}media_type`, input.mediaType, MAX_MEDIA_TYPE_BYTES);
  if (input.data !== undefined) {
    return { data: input.data, mediaType: mediaType === "" ? DEFAULT_MEDIA_TYPE : mediaType };
  }
  if (input.json === undefined) checks.add(`${path}json`, "is required, or data");
  else checks.json(`${path}json`, input.json);
  if (mediaType !== "") checks.add(`${path}media_type`, "must be empty for JSON");
  return { json: input.json ?? "", mediaType: "" };
}
