import { FIRST_READ, firstItems, READ } from "../history-frames.js";
import type { Message } from "../model.js";
import type { MessageRange, Page, SessionRef, Storage } from "../storage.js";
import type { EncodedRun } from "./encoded-frames.js";
import { type EncodedPage, encodePage } from "./encoded-page.js";
import type { HistoryView } from "./history-cache.js";
import type { MessageEncoder } from "./message-encoder.js";
import { type EncodedPart, type PageRequest, PagesAhead } from "./pages-ahead.js";

/**
 * How many pages are read one by one, and not before the one before has been taken: while the
 * next one was read, the first frame would come later, and a reader that leaves after it would
 * keep the next reader waiting.
 */
const UNHURRIED_PAGES = 3;

/** Up to how many bytes a page has behind which two are read at once. */
const SMALL_BYTES = READ.maxBytes / 2;

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
 * others from the database, up to two pages ahead of the one that is taken. What was read is put
 * to what is kept.
 *
 * The pages grow, so that little is read in vain for a reader that leaves soon.
 *
 * @throws StateError `not_found` if the session is not there any more.
 */
export async function* readEncoded(reading: HistoryReading): AsyncGenerator<EncodedRun, void> {
  const { view, start, end, first } = reading;
  const ahead = new PagesAhead((request) => readPage(reading, request));
  let maxItems = firstItems(start, end);
  if (first !== undefined) {
    const page = encodePage(first.page, reading.source.encode);
    ahead.put(start, keep(view, first.range, page));
  }
  let pages = 0;
  for (let at = start; at < end; ) {
    const block = ahead.has(at) ? undefined : view.blocks?.find(at);
    if (block !== undefined) {
      const { messages, through } = block;
      const run = { messages, start: messages.indexAfter(at), end: messages.indexAfter(end) };
      at = through;
      if (run.start < run.end) yield run;
      continue;
    }
    const request = { after: at, maxItems };
    const page = await ahead.take(request);
    pages += 1;
    maxItems = grown(maxItems);
    if (pages > UNHURRIED_PAGES) ahead.begin(nextRequests(reading, request, page));
    at = page.through;
    const { messages } = page;
    if (messages.length > 0) yield { messages, start: 0, end: messages.length };
  }
}

/** The size of the page after one. */
function grown(maxItems: number): number {
  return Math.min(Math.max(2 * maxItems, FIRST_READ.maxItems), READ.maxItems);
}

/**
 * Gives what to read while a page is taken: the one behind it, unless it is one large message, and
 * the one behind that if it is known where it begins. While the server receives the first of them,
 * a database makes the second.
 */
function nextRequests(
  reading: HistoryReading,
  request: PageRequest,
  page: EncodedPart,
): readonly PageRequest[] {
  const { view, end } = reading;
  const after = firstNotKept(view, page.through);
  if (page.isOneLarge || after >= end) return [];
  const next = { after, maxItems: grown(request.maxItems) };
  const bounded = toBounded(next);
  const second = toBounded({ after: bounded.through, maxItems: grown(next.maxItems) });
  const hasRoom = second.after < toMissing(view, after, end).upToSequence;
  return hasRoom && isWholeAndSmall(request, page) ? [bounded, second] : [next];
}

/** Gives the sequence after which the first message comes that is not kept. */
function firstNotKept({ blocks }: HistoryView, after: number): number {
  let through = after;
  for (let block = blocks?.find(through); block !== undefined; block = blocks?.find(through)) {
    through = block.through;
  }
  return through;
}

/** Lets a page end where it would if no sequence were missing: there the next one begins. */
function toBounded({ after, maxItems }: PageRequest): Required<PageRequest> {
  return { after, maxItems, through: after + maxItems };
}

/**
 * Whether the pages behind one are likely to have as many messages as sequences, and not so many
 * bytes that they end before.
 */
function isWholeAndSmall(
  { after, maxItems }: PageRequest,
  { messages, through }: EncodedPart,
): boolean {
  const isWhole = messages.length === maxItems && through - after === maxItems;
  return isWhole && messages.size <= SMALL_BYTES;
}

async function readPage(
  { source, ref, view, end }: HistoryReading,
  { after, maxItems, through = end }: PageRequest,
): Promise<EncodedPart> {
  const range = toMissing(view, after, Math.min(through, end));
  const bounds = { ...READ, maxItems, encode: source.encode };
  return keep(view, range, await source.storage.messages.readEncoded(ref, range, bounds));
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
