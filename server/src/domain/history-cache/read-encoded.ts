import { FIRST_READ, isLarge, READ } from "../history-frames.js";
import type { Message } from "../model.js";
import type { MessageRange, Page, SessionRef, Storage } from "../storage.js";
import type { EncodedRun } from "./encoded-frames.js";
import type { EncodedMessages, MessageEncoder } from "./encoded-messages.js";
import type { HistoryView } from "./history-cache.js";

/** Where messages are read, and how they are encoded. */
export interface HistorySource {
  readonly storage: Storage;
  readonly encode: MessageEncoder;
}

/** A page that is read, or was. */
export interface RangePage {
  readonly range: MessageRange;
  readonly page: Page<Message> | Promise<Page<Message>>;
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
 * others from the database, one page ahead of the one that is taken unless that is the first
 * or one large message. Those are put to what is kept.
 *
 * The pages grow, so that little is read in vain for a reader that leaves soon.
 *
 * @throws StateError `not_found` if the session is not there any more.
 */
export async function* readEncoded(reading: HistoryReading): AsyncGenerator<EncodedRun, void> {
  const { source, view, start, end, first } = reading;
  let ahead = first;
  let { maxItems } = FIRST_READ;
  let isFirst = true;
  for (let at = start; at < end; ) {
    const block = ahead?.range.afterSequence === at ? undefined : view.blocks?.find(at);
    if (block !== undefined) {
      const { messages, through } = block;
      const run = { messages, start: messages.indexAfter(at), end: messages.indexAfter(end) };
      at = through;
      if (run.start < run.end) yield run;
      continue;
    }
    const { range, page } = ahead?.range.afterSequence === at ? ahead : read(reading, at, maxItems);
    const { items, hasMore } = await page;
    maxItems = Math.min(2 * maxItems, READ.maxItems);
    const last = hasMore ? items.at(-1)?.sequence : undefined;
    const through = last ?? range.upToSequence;
    const isNext = through < end && !isLarge(items) && view.blocks?.find(through) === undefined;
    // Not before the first frame has been taken, which would come later.
    ahead = isNext && !isFirst ? read(reading, through, maxItems) : undefined;
    isFirst = false;
    const messages = source.encode(items);
    keep(view, messages, { after: at, through, items });
    at = through;
    if (messages.length > 0) yield { messages, start: 0, end: messages.length };
  }
}

function read({ source, ref, view, end }: HistoryReading, at: number, maxItems: number): RangePage {
  const range = toMissing(view, at, end);
  const page = source.storage.messages.read(ref, range, { ...READ, maxItems });
  // It is awaited later, or not at all if the reader leaves before.
  page.catch(() => undefined);
  return { range, page };
}

/** Gives what of a range has to be read: up to what is kept. */
export function toMissing(view: HistoryView, afterSequence: number, end: number): MessageRange {
  const next = view.blocks?.nextAfter(afterSequence) ?? end;
  return { afterSequence, upToSequence: Math.min(next, end), order: "ascending" };
}

/** Keeps what was read of a range, but for messages that are being written. */
function keep(
  view: HistoryView,
  messages: EncodedMessages,
  { after, through, items }: ReadRange,
): void {
  let start = 0;
  let startAfter = after;
  for (const [index, { status, sequence }] of items.entries()) {
    if (status !== "streaming") continue;
    const before = { after: startAfter, through: sequence - 1 };
    if (before.after < before.through) {
      view.add({ ...before, messages: messages.slice(start, index) });
    }
    start = index + 1;
    startAfter = sequence;
  }
  if (startAfter >= through) return;
  view.add({
    after: startAfter,
    through,
    messages: start === 0 ? messages : messages.slice(start, messages.length),
  });
}

/** A range that was read: what there is after one sequence and up to another. */
interface ReadRange {
  readonly after: number;
  readonly through: number;
  readonly items: readonly Message[];
}
