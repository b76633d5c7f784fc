import type { Message } from "../model.js";
import type { MessageStorage, SessionRef } from "../storage.js";
import type { HistoryReader } from "./history-reader.js";
import { isUnfit } from "./steps.js";

/** How many sequences one statement goes through, so that none takes long. */
const SPAN = 10_000;

const BOUNDS = { maxItems: 4, maxBytes: 64 * 1024 };

/** Finds the newest user message up to a sequence, among what has been read where it is there. */
export async function findUser(
  storage: MessageStorage,
  ref: SessionRef,
  history: HistoryReader,
  upToSequence: number,
): Promise<Message | undefined> {
  const read = history.messages.findLast(
    (message) => message.sequence <= upToSequence && isUser(message),
  );
  if (read !== undefined) return read;
  for (let end = Math.min(upToSequence, history.readAfter); end > 0; ) {
    const start = Math.max(end - SPAN, 0);
    const range = { afterSequence: start, upToSequence: end, order: "descending" } as const;
    const { items, hasMore } = await storage.read(ref, { ...range, roles: ["user"] }, BOUNDS);
    const found = items.find(isUser);
    if (found !== undefined) return found;
    end = hasMore ? (items.at(-1)?.sequence ?? 1) - 1 : start;
  }
  return undefined;
}

function isUser(message: Message): boolean {
  return message.role === "user" && !isUnfit(message);
}
