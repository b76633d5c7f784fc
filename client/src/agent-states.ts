import type { CallOptions } from "./call-options.js";
import { fromNewAgentState, toAgentState, toAgentStatePage } from "./convert/agent-state.js";
import { toOptionalInt64 } from "./convert/scalar.js";
import type { AgentState, AgentStatePage } from "./model/agent-state.js";
import type { JsonValue } from "./model/json.js";
import { eachItem } from "./paging.js";
import { agentStateMethods } from "./transport/methods.js";
import type { Transport } from "./transport/transport.js";

/** How to put a state. */
export interface PutOptions extends CallOptions {
  /** The name of the state: up to 255 bytes; empty by default. */
  readonly key?: string | undefined;
  /** A UUID, unique within the session; one is chosen if it is absent. */
  readonly id?: string | undefined;
  /** The version that the key must have now; 0 for no current state. Absent is any. */
  readonly expectedVersion?: number | undefined;
  /** The media type of bytes: `application/octet-stream` by default. Not for JSON. */
  readonly mediaType?: string | undefined;
}

/** Which state to get. */
export interface GetOptions extends CallOptions {
  /** Empty by default. */
  readonly key?: string | undefined;
  /** The current one by default. */
  readonly version?: number | undefined;
}

/** Which states to list. */
export interface ListStatesOptions extends CallOptions {
  /** Only versions of this key; all keys by default. */
  readonly key?: string | undefined;
  /** How many states to fetch at a time: 50 by default, 1,000 at most. */
  readonly pageSize?: number | undefined;
}

/** Which state to delete. */
export interface DeleteStateOptions extends CallOptions {
  /** Empty by default. */
  readonly key?: string | undefined;
  /**
   * The version that the key must have now. Absent is any; then the call is not repeated
   * after `unavailable`, since that could delete what was put meanwhile.
   */
  readonly expectedVersion?: number | undefined;
}

/** The named, versioned state of one session. */
export class AgentStates {
  readonly #transport: Transport;
  readonly #sessionId: string;

  /** @internal */
  constructor(transport: Transport, sessionId: string) {
    this.#transport = transport;
    this.#sessionId = sessionId;
  }

  /**
   * Stores the next version of the state under a key: bytes if it is a Uint8Array,
   * otherwise a JSON value.
   *
   * @throws StateError `aborted` VERSION_CONFLICT if the key is not at `expectedVersion`.
   * @throws StateError `already_exists` ID_REUSED or STATE_DELETED if a given id is known otherwise.
   *
   * @example
   * const { version } = await session.state.put({ step: 3 });
   */
  async put(state: JsonValue | Uint8Array, options: PutOptions = {}): Promise<AgentState> {
    const { key, id, expectedVersion, mediaType } = options;
    const fields = fromNewAgentState({ state, key, id, expectedVersion, mediaType }, "");
    const request = { ...fields, sessionId: this.#sessionId };
    const response = await this.#transport.unary(agentStateMethods.putAgentState, request, options);
    return toAgentState(response.agentState);
  }

  /**
   * Gives the state under a key, in its current or an earlier version.
   *
   * @throws StateError `not_found` STATE_NOT_FOUND if there is none, or the version is no longer kept.
   *
   * @example
   * const { state: saved, version } = await session.state.get();
   */
  async get(options: GetOptions = {}): Promise<AgentState> {
    const request = {
      sessionId: this.#sessionId,
      key: options.key ?? "",
      version: toOptionalInt64(options.version, "version"),
    };
    const response = await this.#transport.unary(agentStateMethods.getAgentState, request, options);
    return toAgentState(response.agentState);
  }

  /** Lists the versions that are kept, newest first, fetching pages as they are needed. */
  list(options: ListStatesOptions = {}): AsyncGenerator<AgentState, void> {
    return eachItem(async (pageToken) => {
      const page = await this.listPage({ ...options, pageToken });
      return { items: page.agentStates, nextPageToken: page.nextPageToken };
    });
  }

  /**
   * Lists one page of versions: the first, or the one that `pageToken` names.
   *
   * @throws StateError `invalid_argument` if the token was edited or belongs to another list.
   */
  async listPage(
    options: ListStatesOptions & { readonly pageToken?: string | undefined } = {},
  ): Promise<AgentStatePage> {
    const request = {
      sessionId: this.#sessionId,
      key: options.key,
      pageSize: options.pageSize ?? 0,
      pageToken: options.pageToken ?? "",
    };
    return toAgentStatePage(
      await this.#transport.unary(agentStateMethods.listAgentStates, request, options),
    );
  }

  /**
   * Deletes all versions of the state under a key.
   *
   * Without `expectedVersion` it is not retried: repeating it could delete what was put
   * meanwhile.
   *
   * @throws StateError `not_found` STATE_NOT_FOUND if there is none.
   * @throws StateError `aborted` VERSION_CONFLICT if the key is not at `expectedVersion`.
   */
  async delete(options: DeleteStateOptions = {}): Promise<void> {
    const request = {
      sessionId: this.#sessionId,
      key: options.key ?? "",
      expectedVersion: toOptionalInt64(options.expectedVersion, "expected_version"),
    };
    const repeat = options.expectedVersion === undefined ? "never" : "delete";
    await this.#transport.unary(agentStateMethods.deleteAgentState, request, {
      ...options,
      repeat,
    });
  }
}
