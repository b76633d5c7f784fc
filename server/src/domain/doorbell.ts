/**
 * Tells the servers that share a database that sessions have changed.
 *
 * It is a hint: what it says may be lost, doubled or late. The sessions' revisions in the
 * database are the truth, and are looked at from time to time in any case.
 */
export interface Doorbell {
  /** Tells the other servers that a session has changed. Returns at once, and never throws. */
  ring(sessionId: string): void;

  /**
   * Calls `listener` with the sessions for which another server has rung, until what it gives
   * is called. Others may ring only while somebody listens, and from a moment later on.
   */
  listen(listener: (sessionIds: readonly string[]) => void): () => void;

  /** Waits for what is under way, and lets go of the connection. Nothing is heard afterwards. */
  close(): Promise<void>;
}

/** The doorbell of a database that has none: the others find out when they look. */
export const SILENT_DOORBELL: Doorbell = {
  ring() {},
  listen: () => () => {},
  async close() {},
};
