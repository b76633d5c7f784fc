import type { MessageRange } from "../domain/storage.js";
import type { Connection } from "./database.js";
import { toTombstone } from "./message-row.js";
import type { SessionMessages } from "./session-messages.js";
import type { Revision, SessionHead } from "./session-row.js";
import { IsNull, MoreThan } from "./typeorm.js";

/** How much of what is shared is looked at together. */
const PAGE = { maxItems: 256, maxBytes: 1024 * 1024 };

/** Erases many messages of a session at once. */
export class MessageClearing {
  readonly #messages: SessionMessages;

  constructor(messages: SessionMessages) {
    this.#messages = messages;
  }

  /**
   * Erases the messages of a session after a sequence, and tells how many they were: those
   * that are its own where they lie, those that it shares by tombstones above them.
   *
   * The session must be locked.
   */
  async clear(
    connection: Connection,
    head: SessionHead,
    afterSequence: number,
    next: Revision,
  ): Promise<number> {
    const { id, frozenThrough, editLayerId } = head;
    let count = await erase(connection, id, Math.max(afterSequence, frozenThrough), next);
    if (editLayerId !== null) count += await erase(connection, editLayerId, afterSequence, next);
    if (!head.isLayered && afterSequence >= frozenThrough) return count;
    return count + (await this.#cover(connection, head, afterSequence, next));
  }

  async #cover(
    connection: Connection,
    head: SessionHead,
    afterSequence: number,
    next: Revision,
  ): Promise<number> {
    let range: MessageRange = {
      afterSequence,
      upToSequence: head.headSequence,
      order: "ascending",
    };
    const bounds = { ...PAGE, largestBytes: head.largestMessageBytes };
    let places = head;
    for (let count = 0; ; ) {
      const { rows } = await this.#messages.read(connection, places, range, bounds);
      if (rows.length === 0) return count;
      const tombstones = rows.map((row) => ({ ...row, ...toTombstone(next) }));
      places = await this.#messages.cover(connection, places, tombstones);
      count += rows.length;
      range = { ...range, afterSequence: rows.at(-1)?.sequence ?? head.headSequence };
    }
  }
}

/** Erases the messages of a layer after a sequence, and tells how many they were. */
async function erase(
  { manager, entities }: Connection,
  layerId: string,
  afterSequence: number,
  next: Revision,
): Promise<number> {
  const { affected = 0 } = await manager.update(
    entities.message,
    { sessionId: layerId, sequence: MoreThan(afterSequence), deletedAt: IsNull() },
    toTombstone(next),
  );
  return affected;
}
