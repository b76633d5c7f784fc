import { invalidArgument } from "../errors.js";
import type { State } from "../state.js";
import { isUuid } from "./session-name.js";

/**
 * Where an agent keeps its sessions, and in whose name.
 *
 * Sessions are named in a tenant, not for each user: a session that another user has is refused
 * with `permission_denied` OTHER_USER, whichever way the agent is to get at it. One that was
 * created without a user is anybody's. The agents of a user share the user's sessions.
 *
 * @example
 * const store = await connect("localhost:50051");
 * const plugin = new PersistencePlugin("persistence", store, userId, tenantId, agentId, "user-123");
 * const agent = await LLMAgentBuilder.fromEnv().withPersistencePlugin(plugin).build();
 */
export class PersistencePlugin {
  /** The plugin's name. */
  readonly id: string;
  /** The connection, which works in the plugin's tenant. The plugin does not close it. */
  readonly store: State;
  readonly userId: string;
  readonly tenantId: string;
  readonly agentId: string;
  /** The session that the agent begins with: a UUID, or any other text, which is its key. */
  readonly sessionId: string;

  /**
   * A store that was connected without a tenant is used in the plugin's.
   *
   * @throws StateError `invalid_argument` if an id is no UUID, or the session has no name.
   * @throws StateError `failed_precondition` TENANT_BOUND if the store works in another tenant.
   */
  // biome-ignore lint/complexity/useMaxParams: the guide's signature
  constructor(
    id: string,
    store: State,
    userId: string,
    tenantId: string,
    agentId: string,
    sessionId: string,
  ) {
    for (const [name, value] of Object.entries({ userId, tenantId, agentId })) {
      if (!isUuid(value)) throw invalidArgument(name, "must be a UUID: stableId(name) makes one");
    }
    if (typeof sessionId !== "string" || sessionId === "") {
      throw invalidArgument("sessionId", "must be a UUID, or a name for the session");
    }
    this.id = id;
    this.store = store.inTenant(tenantId);
    this.userId = userId;
    this.tenantId = tenantId;
    this.agentId = agentId;
    this.sessionId = sessionId;
  }
}
