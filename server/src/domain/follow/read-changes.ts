import type { Change, ChangeRange } from "../change-storage.js";
import type { SessionRef, Storage } from "../storage.js";

/** How many changes are read at once. */
const PAGE = 128;

/**
 * Reads the changes of a range in the order of their revisions, page by page.
 *
 * @throws StateError `not_found` if the session is not there any more.
 */
export async function* readChanges(
  storage: Storage,
  ref: SessionRef,
  range: ChangeRange,
): AsyncGenerator<Change, void> {
  let { afterRevision } = range;
  for (let hasMore = afterRevision < range.upToRevision; hasMore; ) {
    const page = await storage.changes.read(ref, { ...range, afterRevision }, PAGE);
    for (const change of page.items) {
      yield change;
      afterRevision = change.revision;
    }
    hasMore = page.hasMore;
  }
}
