import type { SessionRef } from "../domain/storage.js";
import type { Connection, Database } from "./database.js";
import { SessionMessages } from "./session-messages.js";
import { changeTime, type SessionHead, SessionRows } from "./session-row.js";

/** Deletes sessions, as SessionStorage promises. */
export class SessionDeletion {
  readonly #database: Database;
  readonly #sessions: SessionRows;
  readonly #messages: SessionMessages;

  constructor(database: Database) {
    this.#database = database;
    this.#sessions = new SessionRows(database);
    this.#messages = new SessionMessages(database);
  }

  delete(ref: SessionRef): Promise<void> {
    return this.#database.lockingTransaction(ref.sessionId, async (connection) => {
      const head = await this.#sessions.lock(connection, ref);
      await erase(connection, head);
      await this.#messages.remove(connection, head);
    });
  }
}

/** Deletes all that a session has for itself. What is left says that its id is taken, and nothing of what it was. */
async function erase({ manager, entities }: Connection, head: SessionHead): Promise<void> {
  const { id: sessionId } = head;
  const now = changeTime(head);
  await manager.update(
    entities.session,
    { id: sessionId },
    {
      sessionKey: null,
      userId: null,
      agentId: null,
      title: "",
      metadata: "{}",
      bytes: 0,
      messageCount: 0,
      requestHash: Buffer.alloc(32),
      revision: head.revision + 1,
      changeRevision: head.revision + 1,
      updatedAt: now,
      deletedAt: now,
      forkSessionId: null,
      forkSequence: 0,
      isLayered: false,
      editLayerId: null,
      treeId: null,
    },
  );
  await manager.delete(entities.sessionMetadata, { sessionId });
  await manager.delete(entities.agentState, { sessionId });
  await manager.delete(entities.sessionChange, { sessionId });
  await manager.delete(entities.messageWrite, { sessionId });
}
