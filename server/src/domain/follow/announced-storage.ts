import type {
  AgentStateStorage,
  MessageStorage,
  SessionRef,
  SessionStorage,
  Storage,
} from "../storage.js";
import type { WriteStorage } from "../write-storage.js";
import type { Announcements } from "./announcements.js";

/** Gives a storage that announces what it has committed, before the caller knows of it. */
export function announce(storage: Storage, announcements: Announcements): Storage {
  return {
    sessions: announceSessions(storage.sessions, announcements),
    messages: announceMessages(storage.messages, announcements),
    agentStates: announceAgentStates(storage.agentStates, announcements),
    writes: announceWrites(storage.writes, announcements),
    changes: storage.changes,
    usage: storage.usage,
    doorbell: storage.doorbell,
    backend: storage.backend,
    schemaVersion: storage.schemaVersion,
    ping: () => storage.ping(),
    count: () => storage.count(),
    close: () => storage.close(),
  };
}

function announceSessions(sessions: SessionStorage, announcements: Announcements): SessionStorage {
  const changed = announceChange(announcements);
  return {
    create: (session) => sessions.create(session),
    open: (session) => sessions.open(session),
    get: (ref) => sessions.get(ref),
    getByKey: (tenantId, key) => sessions.getByKey(tenantId, key),
    list: (...query) => sessions.list(...query),
    fork: (ref, fork) => sessions.fork(ref, fork),
    update: (ref, change) => changed(ref, sessions.update(ref, change)),
    delete: (ref) => changed(ref, sessions.delete(ref)),
  };
}

function announceMessages(messages: MessageStorage, announcements: Announcements): MessageStorage {
  const changed = announceChange(announcements);
  return {
    async append(ref, append) {
      const appended = await messages.append(ref, append);
      announcements.appended(ref.sessionId, appended);
      return appended;
    },
    get: (ref, messageId) => messages.get(ref, messageId),
    read: (ref, range, bounds) => messages.read(ref, range, bounds),
    readEncoded: (...query) => messages.readEncoded(...query),
    readFrom: (...query) => messages.readFrom(...query),
    readKept: (...query) => messages.readKept(...query),
    sequenceBeforeLast: (...query) => messages.sequenceBeforeLast(...query),
    update: (ref, ...edit) => changed(ref, messages.update(ref, ...edit)),
    delete: (ref, messageId) => changed(ref, messages.delete(ref, messageId)),
    clear: (ref, afterSequence) => changed(ref, messages.clear(ref, afterSequence)),
  };
}

function announceAgentStates(
  states: AgentStateStorage,
  announcements: Announcements,
): AgentStateStorage {
  const changed = announceChange(announcements);
  return {
    put: (ref, state) => changed(ref, states.put(ref, state)),
    get: (ref, key, version) => states.get(ref, key, version),
    list: (...query) => states.list(...query),
    delete: (ref, ...expected) => changed(ref, states.delete(ref, ...expected)),
  };
}

function announceWrites(writes: WriteStorage, announcements: Announcements): WriteStorage {
  return {
    async start(ref, write) {
      const started = await writes.start(ref, write);
      const { message, epoch, isNew, headSequence, revision } = started;
      const { sessionId } = ref;
      if (isNew) {
        const appended = { messages: [message], agentStates: [], headSequence, revision };
        announcements.appended(sessionId, { ...appended, isRepeated: false });
      } else if (epoch !== undefined) {
        announcements.updated(sessionId, { type: "message_updated", revision, message });
      }
      return started;
    },
    checkpoint: (...checkpoint) => writes.checkpoint(...checkpoint),
    renew: (ref, leaseMs) => writes.renew(ref, leaseMs),
    release: (ref) => writes.release(ref),
    async finish(ref, end) {
      const finished = await writes.finish(ref, end);
      announcements.updated(ref.sessionId, { type: "message_updated", ...finished });
      return finished;
    },
    async interruptExpired() {
      const sessionIds = await writes.interruptExpired();
      for (const sessionId of sessionIds) announcements.changed(sessionId);
      return sessionIds;
    },
  };
}

/** Gives what passes an outcome on, and announces that the session has changed. */
function announceChange(
  announcements: Announcements,
): <T>(ref: SessionRef, writing: Promise<T>) => Promise<T> {
  return async (ref, writing) => {
    const outcome = await writing;
    announcements.changed(ref.sessionId);
    return outcome;
  };
}
