import { HistoryCache } from "../../server/src/domain/history-cache/history-cache.js";
import type { Storage } from "../../server/src/domain/storage.js";
import { beginMessages } from "../../server/src/rpc/message-encoder.js";

/**
 * Streams histories of a storage, and counts the messages that it reads for that, the pages in
 * which they come behind the first ones, and how many of those it reads at once.
 */
export function historiesOf(storage: Storage, maxBytes: number) {
  let count = 0;
  let pages = 0;
  let underWay = 0;
  let mostAtOnce = 0;
  const { messages } = storage;
  const counted = {
    async read(...query) {
      const page = await messages.read(...query);
      count += page.items.length;
      return page;
    },
    async readEncoded(...query) {
      pages += 1;
      underWay += 1;
      mostAtOnce = Math.max(mostAtOnce, underWay);
      try {
        const page = await messages.readEncoded(...query);
        count += page.messages.length;
        return page;
      } finally {
        underWay -= 1;
      }
    },
    async readFrom(...query) {
      const opened = await messages.readFrom(...query);
      count += opened.page?.items.length ?? 0;
      return opened;
    },
    sequenceBeforeLast: (...query) => messages.sequenceBeforeLast(...query),
  } as Storage["messages"];
  const cache = new HistoryCache(maxBytes);
  const histories = { storage: { ...storage, messages: counted }, encode: beginMessages, cache };
  const takeCount = () => {
    const taken = count;
    count = 0;
    return taken;
  };
  const reads = { pages: () => pages, underWay: () => underWay, mostAtOnce: () => mostAtOnce };
  return { histories, cache, takeCount, ...reads };
}
