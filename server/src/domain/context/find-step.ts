import type { Message } from "../model.js";
import type { MessageRange, MessageStorage, SessionRef } from "../storage.js";
import { MAX_CONTEXT_BYTES, requireAtMost } from "./room.js";
import { callsOf, MAX_STEP_SPAN, resultsOf, toUnits, type Unit } from "./steps.js";

/** Results mostly follow their calls at once. */
const FIRST_PAGE = 8;
const LARGEST_PAGE = 128;

const MAX_PAGE_BYTES = 1024 * 1024;

/** Where a step is looked for. */
interface Search {
  readonly storage: MessageStorage;
  readonly ref: SessionRef;
  /** What was appended after this is not looked at. */
  readonly headSequence: number;
}

/** Finds the step that a message belongs to; undefined for a result without its call. */
export async function findStep(search: Search, message: Message): Promise<Unit | undefined> {
  const { sequence } = message;
  const before = await gather(
    search,
    {
      afterSequence: Math.max(sequence - MAX_STEP_SPAN - 1, 0),
      upToSequence: sequence - 1,
      order: "descending",
    },
    (found) => isAnswered(message, found),
  );
  const past = [...before.toReversed(), message];
  const stepIn = (later: readonly Message[]) =>
    toUnits([...past, ...later]).find((unit) => isIn(unit, message));
  const first = stepIn([])?.messages[0].sequence;
  if (first === undefined) return undefined;
  const after = await gather(
    search,
    {
      afterSequence: sequence,
      upToSequence: Math.min(first + MAX_STEP_SPAN, search.headSequence),
      order: "ascending",
    },
    (later) =>
      stepIn(later)?.unansweredCalls.length === 0 && later.some(({ role }) => role !== "tool"),
  );
  return stepIn(after);
}

/** Reads a range until `isEnough` of what has been read. */
async function gather(
  { storage, ref }: Search,
  range: MessageRange,
  isEnough: (found: readonly Message[]) => boolean,
): Promise<readonly Message[]> {
  const found: Message[] = [];
  let rest = range;
  for (let maxItems = FIRST_PAGE; !isEnough(found); maxItems = nextSize(maxItems)) {
    if (rest.afterSequence >= rest.upToSequence) break;
    const { items, hasMore } = await storage.read(ref, rest, {
      maxItems,
      maxBytes: MAX_PAGE_BYTES,
    });
    found.push(...items);
    const bytes = found.reduce((sum, message) => sum + message.bytes, 0);
    requireAtMost("bytes", bytes, MAX_CONTEXT_BYTES);
    const last = items.at(-1)?.sequence;
    if (!hasMore || last === undefined) break;
    rest =
      rest.order === "ascending"
        ? { ...rest, afterSequence: last }
        : { ...rest, upToSequence: last - 1 };
  }
  return found;
}

function nextSize(size: number): number {
  return Math.min(2 * size, LARGEST_PAGE);
}

/** Whether what comes before a message, newest first, has all that it answers. */
function isAnswered(message: Message, before: readonly Message[]): boolean {
  if (message.role !== "tool") return true;
  const results = resultsOf(message);
  // Without any result it belongs to the step that it follows.
  if (results.length === 0)
    return before.some(({ role }) => role === "assistant" || role === "user");
  const calls = new Set(before.flatMap(callsOf));
  return results.every(({ callId }) => calls.has(callId));
}

function isIn({ messages }: Unit, { sequence }: Message): boolean {
  return messages.some((message) => message.sequence === sequence);
}
