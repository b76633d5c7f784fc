/** How often the server looks, speaks and stores. Each is a setting. */
export interface Pace {
  /** How often the revisions of followed sessions are looked up, in milliseconds. */
  readonly pollIntervalMs: number;
  /** After which silence a follower gets a heartbeat, in milliseconds. */
  readonly heartbeatIntervalMs: number;
  /** How long a writer may be silent before its message is interrupted, in milliseconds. */
  readonly writeLeaseMs: number;
  /** How long text of a message that is being written waits to be stored, in milliseconds. */
  readonly writeCheckpointMs: number;
  /** With how much text that waits it is stored at once, in bytes. */
  readonly writeCheckpointBytes: number;
}

/** The pace of a server that was not told otherwise. */
export const DEFAULT_PACE: Pace = {
  pollIntervalMs: 100,
  heartbeatIntervalMs: 15_000,
  writeLeaseMs: 10_000,
  writeCheckpointMs: 250,
  writeCheckpointBytes: 4_096,
};

/** Fills in what a pace leaves open. */
export function toPace(given: Partial<Pace>): Pace {
  return {
    pollIntervalMs: given.pollIntervalMs ?? DEFAULT_PACE.pollIntervalMs,
    heartbeatIntervalMs: given.heartbeatIntervalMs ?? DEFAULT_PACE.heartbeatIntervalMs,
    writeLeaseMs: given.writeLeaseMs ?? DEFAULT_PACE.writeLeaseMs,
    writeCheckpointMs: given.writeCheckpointMs ?? DEFAULT_PACE.writeCheckpointMs,
    writeCheckpointBytes: given.writeCheckpointBytes ?? DEFAULT_PACE.writeCheckpointBytes,
  };
}
