import type { Message } from "../model.js";
import type { SessionRef, Storage } from "../storage.js";
import { findStep } from "./find-step.js";
import { findUser } from "./find-user.js";
import type { HistoryReader } from "./history-reader.js";
import type { Room } from "./room.js";
import { isUnfit, placeOf, toUnit, type Unit } from "./steps.js";

const PAGE = { maxItems: 64, maxBytes: 2 * 1024 * 1024 };

/** Whose context is read, up to where, and what has been read of it. */
export interface ContextSource {
  readonly messages: Storage["messages"];
  readonly ref: SessionRef;
  readonly headSequence: number;
  readonly history: HistoryReader;
}

/** What a context has in any case. */
export interface KeptUnits {
  /** By their places. */
  readonly units: ReadonlyMap<number, Unit>;
  /** The place of the newest user message; 0 if there is none. */
  readonly newestUser: number;
}

/**
 * Finds what a context has in any case, and takes its room: the newest user message, system
 * messages, and pinned ones with what they cannot be without.
 *
 * @throws StateError `resource_exhausted` CONTEXT_TOO_LARGE if there is more of it than the limits allow.
 */
export async function findKept(source: ContextSource, room: Room): Promise<KeptUnits> {
  const { messages, ref, history, headSequence } = source;
  const units = new Map<number, Unit>();
  const keep = (unit: Unit) => {
    if (units.has(placeOf(unit))) return;
    units.set(placeOf(unit), unit);
    room.take([unit]);
    room.requireFitting();
  };
  const newest = await findUser(messages, ref, history, headSequence);
  if (newest !== undefined) keep(toUnit("user", newest));
  for await (const message of readMarked(source)) {
    if (message.role === "system") keep(toUnit("system", message));
    else {
      const found = await findPinned(source, message, newest !== undefined);
      for (const unit of found) keep(unit);
    }
  }
  return { units, newestUser: newest?.sequence ?? 0 };
}

/** Reads the system messages and the pinned ones. */
async function* readMarked({
  messages,
  ref,
  headSequence: upToSequence,
}: ContextSource): AsyncGenerator<Message, void> {
  for (let afterSequence = 0; ; ) {
    const page = await messages.readKept(ref, { afterSequence, upToSequence }, PAGE);
    yield* page.items.filter((message) => !isUnfit(message));
    const last = page.items.at(-1)?.sequence;
    if (!page.hasMore || last === undefined) return;
    afterSequence = last;
  }
}

/** Finds a pinned message's units; none where it cannot be in a context. */
async function findPinned(
  source: ContextSource,
  pinned: Message,
  withUser: boolean,
): Promise<readonly Unit[]> {
  if (pinned.role === "user") return [toUnit("user", pinned)];
  const { messages: storage, ref, history, headSequence } = source;
  const step = await findStep({ storage, ref, headSequence }, pinned);
  if (step === undefined || !withUser) return step === undefined ? [] : [step];
  const user = await findUser(storage, ref, history, placeOf(step));
  return user === undefined ? [] : [toUnit("user", user), step];
}
