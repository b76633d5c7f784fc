import { FIRST_READ, firstItems, READ } from "../history-frames.js";
import type { Message } from "../model.js";
import type { MessageRange, Page, SessionRef, Storage } from "../storage.js";
import type { EncodedRun } from "./encoded-frames.js";
import { type EncodedPage, encodePage } from "./encoded-page.js";
import type { HistoryView } from "./history-cache.js";
import type { MessageEncoder } from "./message-encoder.js";

/**
 * How many pages are read one by one, and not before the one before has been taken: while the
 * next one was read, the first frame would come later, and a reader that leaves after it would
 * keep the next reader waiting.
 */
const UNHURRIED_PAGES = 3;

/** Where messages are read, and how they are encoded. */
export interface HistorySource {
  readonly storage: Storage;
  readonly encode: MessageEncoder;
}

/** A range, and the page that was read of it. */
export interface RangePage {
  readonly range: MessageRange;
  readonly page: Page<Message>;
}

/** A page that was read of a range. */
interface EncodedPart extends Pick<EncodedPage, "messages" | "isOneLarge"> {
  /** Up to which sequence there are no others. */
  readonly through: number;
}

/** A page that is read, or was. */
interface PageAhead {
  readonly after: number;
  readonly page: EncodedPart | Promise<EncodedPart>;
}

/** Which messages to read: after one sequence and up to another. */
export interface HistoryReading {
  readonly source: HistorySource;
  readonly ref: SessionRef;
  /** What is kept of the session. */
  readonly view: HistoryView;
  readonly start: number;
  readonly end: number;
  /** What was read already, if anything. */
  readonly first: RangePage | undefined;
}

/**
 * Gives the messages of a range in order, encoded: what is kept of them as it is, and the
 * others from the database, one page ahead of the one that is taken unless that is one of the
 * first or one large message. Those are put to what is kept.
 *
 * The pages grow, so that little is read in vain for a reader that leaves soon.
 *
 * @throws StateError `not_found` if the session is not there any more.
 */
export async function* readEncoded(reading: HistoryReading): AsyncGenerator<EncodedRun, void> {
  const { view, start, end, first } = reading;
  let ahead: PageAhead | undefined;
  if (first !== undefined) {
    const page = encodePage(first.page, reading.source.encode);
    ahead = { after: start, page: keep(view, first.range, page) };
  }
  let maxItems = firstItems(start, end);
  let pages = 0;
  for (let at = start; at < end; ) {
    const block = ahead?.after === at ? undefined : view.blocks?.find(at);
    if (block !== undefined) {
      const { messages, through } = block;
      const run = { messages, start: messages.indexAfter(at), end: messages.indexAfter(end) };
      at = through;
      if (run.start < run.end) yield run;
      continue;
    }
    const { page } = ahead?.after === at ? ahead : readAhead(reading, at, maxItems);
    const { messages, through, isOneLarge } = await page;
    pages += 1;
    const isUnhurried = pages <= UNHURRIED_PAGES;
    maxItems = Math.min(Math.max(2 * maxItems, FIRST_READ.maxItems), READ.maxItems);
    const isNext = through < end && !isOneLarge && view.blocks?.find(through) === undefined;
    ahead = isNext && !isUnhurried ? readAhead(reading, through, maxItems) : undefined;
    at = through;
    if (messages.length > 0) yield { messages, start: 0, end: messages.length };
  }
}

function readAhead(reading: HistoryReading, after: number, maxItems: number): PageAhead {
  const { source, ref, view, end } = reading;
  const range = toMissing(view, after, end);
  const page = source.storage.messages
    .readEncoded(ref, range, { ...READ, maxItems, encode: source.encode })
    .then((read) => keep(view, range, read));
  // It is awaited later, or not at all if the reader leaves before.
  page.catch(() => undefined);
  return { after, page };
}

/** Gives what of a range has to be read: up to what is kept. */
export function toMissing(view: HistoryView, afterSequence: number, end: number): MessageRange {
  const next = view.blocks?.nextAfter(afterSequence) ?? end;
  return { afterSequence, upToSequence: Math.min(next, end), order: "ascending" };
}

/** Keeps what was read of a range, but for messages that are being written. */
function keep(
  view: HistoryView,
  { afterSequence, upToSequence }: MessageRange,
  { messages, hasMore, unfinished, isOneLarge }: EncodedPage,
): EncodedPart {
  const { length } = messages;
  const through = hasMore && length > 0 ? messages.sequenceAt(length - 1) : upToSequence;
  let start = 0;
  let after = afterSequence;
  for (const index of unfinished) {
    const sequence = messages.sequenceAt(index);
    const before = { after, through: sequence - 1 };
    if (before.after < before.through) {
      view.add({ ...before, messages: messages.slice(start, index) });
    }
    start = index + 1;
    after = sequence;
  }
  if (after < through) {
    const rest = start === 0 ? messages : messages.slice(start, length);
    view.add({ after, through, messages: rest });
  }
  return { messages, through, isOneLarge };
}
