import type { Message } from "../domain/model.js";
import type { LikelyRange, MessageRange, Page, PageBounds, SessionRef } from "../domain/storage.js";
import type { MessageRowPage, SizedBounds } from "./message-rows.js";
import type { SessionHead } from "./session-row.js";

/** The bounds of a page of a session. */
export function sizedFor({ largestMessageBytes }: SessionHead, bounds: PageBounds): SizedBounds {
  return { ...bounds, largestBytes: largestMessageBytes };
}

/** Gives the messages of a page of a session. */
export function toPage(
  { sessionId }: SessionRef,
  { rows, hasMore }: MessageRowPage,
): Page<Message> {
  return {
    items: rows.map((row) => (row.sessionId === sessionId ? row : { ...row, sessionId })),
    hasMore,
  };
}

/** Whether a range begins as was likely. */
export function beginsAs(
  { afterSequence, order, roles }: MessageRange,
  likely: LikelyRange,
): boolean {
  return order === "ascending" && roles === undefined && afterSequence === likely.afterSequence;
}

/** Gives what of a page lies in a range that begins as it does. */
export function cutTo(
  { upToSequence }: MessageRange,
  { rows, hasMore }: MessageRowPage,
): MessageRowPage {
  const inRange = rows.filter(({ sequence }) => sequence <= upToSequence);
  const last = rows.at(-1)?.sequence ?? 0;
  return { rows: inRange, hasMore: hasMore && last < upToSequence };
}

/** Whether a page has every sequence of its range up to its end. */
export function isGapless(
  { rows, hasMore }: MessageRowPage,
  { afterSequence, upToSequence, order }: MessageRange,
): boolean {
  const last = rows.at(-1)?.sequence;
  if (!hasMore) return rows.length === upToSequence - afterSequence;
  if (last === undefined) return false;
  const length = order === "ascending" ? last - afterSequence : upToSequence - last + 1;
  return length === rows.length;
}
