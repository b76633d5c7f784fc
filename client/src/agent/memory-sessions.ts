import { StateError } from "../errors.js";
import type { SessionInfo } from "../model/session.js";
import { newId } from "../uuid.js";
import type {
  AgentSession,
  AgentSessions,
  ContextWindow,
  CreateSessionOptions,
} from "./agent-session.js";
import { MemorySession } from "./memory-session.js";
import { fromSessionName, sessionIsActive } from "./session-name.js";

/** The sessions of an agent without a plugin, which live as long as the agent. */
export class MemorySessions implements AgentSessions {
  readonly #sessions = new Map<string, MemorySession>();
  readonly #window: ContextWindow;

  constructor(window: ContextWindow) {
    this.#window = window;
  }

  async open(name?: string): Promise<AgentSession> {
    return this.#find(name) ?? this.#add(name === undefined ? {} : fromSessionName(name));
  }

  async create(options: CreateSessionOptions): Promise<string> {
    const isTaken = this.#find(options.id) ?? this.#find(options.key);
    if (isTaken) throw new StateError("already_exists", `session ${isTaken.id} has that name`);
    return this.#add(options).id;
  }

  async get(name: string): Promise<AgentSession> {
    return this.#known(name);
  }

  async list(): Promise<readonly SessionInfo[]> {
    const sessions = [...this.#sessions.values()].map(({ info }) => info);
    return sessions.sort((one, other) => other.updatedAt.getTime() - one.updatedAt.getTime());
  }

  async delete(name: string, activeId: string): Promise<void> {
    const { id } = this.#known(name);
    if (id === activeId) throw sessionIsActive(id);
    this.#sessions.delete(id);
  }

  #known(name: string): MemorySession {
    const session = this.#find(name);
    if (session) return session;
    const reason = "SESSION_NOT_FOUND";
    throw new StateError("not_found", `there is no session ${name}`, { reason });
  }

  #find(name: string | undefined): MemorySession | undefined {
    if (name === undefined) return undefined;
    const sessions = [...this.#sessions.values()];
    const found = sessions.find(({ info }) => info.key === name);
    return this.#sessions.get(name.toLowerCase()) ?? found;
  }

  #add({ id = newId(), key, title = "", metadata = {} }: CreateSessionOptions): MemorySession {
    const createdAt = new Date();
    const counts = { headSequence: 0, messageCount: 0, revision: 0, version: 1 };
    const info = { id: id.toLowerCase(), key, title, metadata, createdAt, ...counts };
    const owner = { userId: undefined, agentId: undefined };
    const origin = { forkSessionId: undefined, forkSequence: 0, updatedAt: createdAt };
    const session = new MemorySession({ ...info, ...owner, ...origin }, this.#window);
    this.#sessions.set(session.id, session);
    return session;
  }
}
