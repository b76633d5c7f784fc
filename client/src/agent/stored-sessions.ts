import type { SessionInfo } from "../model/session.js";
import type { Session } from "../session.js";
import type { State } from "../state.js";
import type {
  AgentSession,
  AgentSessions,
  ContextWindow,
  CreateSessionOptions,
} from "./agent-session.js";
import type { PersistencePlugin } from "./persistence-plugin.js";
import { fromSessionName, isUuid, sessionIsActive, sessionOfOther } from "./session-name.js";
import { StoredSession } from "./stored-session.js";

/** The sessions that a plugin's store keeps. */
export class StoredSessions implements AgentSessions {
  readonly #plugin: PersistencePlugin;
  readonly #store: State;
  readonly #window: ContextWindow;

  constructor(plugin: PersistencePlugin, window: ContextWindow) {
    this.#plugin = plugin;
    this.#store = plugin.store;
    this.#window = window;
  }

  async open(name = this.#plugin.sessionId): Promise<AgentSession> {
    const session = { ...fromSessionName(name), ...this.#owner() };
    return this.#load(this.#own(await this.#store.sessions.open(session), name));
  }

  async create(options: CreateSessionOptions): Promise<string> {
    const { id } = await this.#store.sessions.create({ ...options, ...this.#owner() });
    return id;
  }

  async get(name: string): Promise<AgentSession> {
    return this.#load(await this.#find(name));
  }

  async list(): Promise<readonly SessionInfo[]> {
    const sessions: SessionInfo[] = [];
    for await (const session of this.#store.sessions.list(this.#owner())) sessions.push(session);
    return sessions;
  }

  async delete(name: string, activeId: string): Promise<void> {
    const session = await this.#find(name);
    if (session.id === activeId) throw sessionIsActive(activeId);
    await session.delete();
  }

  async #find(name: string): Promise<Session> {
    return this.#own(await this.#store.sessions.get(isUuid(name) ? name : { key: name }), name);
  }

  /** Names are the tenant's: another user may have chosen the same. */
  #own(session: Session, name: string): Session {
    const { userId = this.#plugin.userId } = session.info;
    if (userId.toLowerCase() !== this.#plugin.userId.toLowerCase()) throw sessionOfOther(name);
    return session;
  }

  #owner() {
    return { userId: this.#plugin.userId, agentId: this.#plugin.agentId };
  }

  async #load(session: Session): Promise<AgentSession> {
    const loaded = new StoredSession(session, this.#store.usage, this.#window);
    await loaded.prepare();
    return loaded;
  }
}
