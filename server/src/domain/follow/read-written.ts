import { StateError } from "../errors.js";
import type { Message } from "../model.js";
import type { SessionRef, Storage } from "../storage.js";

/**
 * Reads those messages that are being written whose sequence is wanted, with the revisions in
 * which their writers began, one at a time: each may be large.
 *
 * One that ends meanwhile is left out.
 *
 * @throws StateError `not_found` if the session is not there any more.
 */
export async function* readWritten(
  storage: Storage,
  ref: SessionRef,
  isWanted: (sequence: number) => boolean,
): AsyncGenerator<{ readonly message: Message; readonly epoch: number }, void> {
  for (const { messageId, sequence, epoch } of await storage.changes.messagesBeingWritten(ref)) {
    if (!isWanted(sequence)) continue;
    const message = await find(storage, ref, messageId);
    if (message?.status === "streaming") yield { message, epoch };
  }
}

async function find(
  storage: Storage,
  ref: SessionRef,
  messageId: string,
): Promise<Message | undefined> {
  try {
    return await storage.messages.get(ref, messageId);
  } catch (error) {
    if (error instanceof StateError && error.reason === "MESSAGE_DELETED") return undefined;
    throw error;
  }
}
