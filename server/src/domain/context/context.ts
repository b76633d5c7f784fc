import type { Message } from "../model.js";
import type { SessionRef, Storage } from "../storage.js";
import { HistoryReader } from "./history-reader.js";
import { type ContextSource, findKept, type KeptUnits } from "./kept-units.js";
import { type ContextLimits, MAX_CONTEXT_BYTES, Room, requireAtMost } from "./room.js";
import type { StandIn } from "./stand-in.js";
import { placeOf, toUnits, type Unit } from "./steps.js";
import { chooseWindow, type Window } from "./window.js";

/** What to send to a model. */
export interface Context {
  /** In order; a stand-in is behind the step that lacks results. */
  readonly messages: readonly (Message | StandIn)[];
  readonly tokenCount: number;
  /** The session's head when the reading began: what came later is not in it. */
  readonly headSequence: number;
  /** Whether messages before those of the window were left out. */
  readonly isTruncated: boolean;
}

/**
 * Reads the newest part of a session that fits the limits, so that a model's provider
 * accepts it. It reads backwards and stops when it has enough.
 *
 * @throws StateError `resource_exhausted` CONTEXT_TOO_LARGE if what is kept in any case does not fit.
 * @throws StateError `not_found` if the session is not there, or is deleted meanwhile.
 */
export async function readContext(
  { sessions, messages }: Storage,
  ref: SessionRef,
  limits: ContextLimits,
): Promise<Context> {
  const { headSequence } = await sessions.get(ref);
  const history = new HistoryReader(messages, ref, headSequence);
  await history.readMore();
  const source = { messages, ref, headSequence, history };
  const room = new Room(limits);
  const kept = await findKept(source, room);
  const { window, isTruncated } = await readWindow(source, kept, { room, limits });
  room.take(window.units.filter((unit) => !kept.units.has(placeOf(unit))));
  room.requireFitting();
  const units = [...kept.units.values(), ...window.units];
  return {
    messages: inOrder(units, (unit) => room.standInOf(unit)),
    tokenCount: room.used.tokens,
    headSequence,
    isTruncated,
  };
}

async function readWindow(
  { history, headSequence }: ContextSource,
  { units: kept, newestUser }: KeptUnits,
  { room, limits }: { readonly room: Room; readonly limits: ContextLimits },
): Promise<{ readonly window: Window; readonly isTruncated: boolean }> {
  const terms = { room, maxTurns: limits.maxTurns, kept, newestUser };
  for (;;) {
    const read = history.messages;
    const window = chooseWindow(toUnits(read), history.isWhole, terms);
    if (window.isDone) {
      const oldest = window.units.at(-1);
      const start = oldest === undefined ? headSequence + 1 : placeOf(oldest);
      const isTruncated = hasOthers(read, start, [...kept.values(), ...window.units]);
      if (isTruncated || history.isWhole) return { window, isTruncated };
    } else {
      requireAtMost("bytes", history.bytes, MAX_CONTEXT_BYTES);
    }
    await history.readMore();
  }
}

/** Whether any of the messages that were read, before a sequence, is in none of the units. */
function hasOthers(read: readonly Message[], before: number, units: readonly Unit[]): boolean {
  const given = new Set(units.flatMap(({ messages }) => messages.map(({ sequence }) => sequence)));
  return read.some(
    ({ sequence, role }) => sequence < before && role !== "system" && !given.has(sequence),
  );
}

/**
 * Gives the messages of units, each once, in the order of the units: what came between the
 * messages of a step comes behind it, since providers take results right behind their calls.
 */
function inOrder(
  units: readonly Unit[],
  standInOf: (unit: Unit) => StandIn | undefined,
): readonly (Message | StandIn)[] {
  const byPlace = new Map(units.map((unit) => [placeOf(unit), unit]));
  const places = [...byPlace.keys()].sort((one, other) => one - other);
  const given = new Set<number>();
  return places.flatMap((place) => {
    const unit = byPlace.get(place);
    if (unit === undefined) return [];
    const news = unit.messages.filter(({ sequence }) => !given.has(sequence));
    for (const { sequence } of news) given.add(sequence);
    return [...news, ...[standInOf(unit)].filter((message) => message !== undefined)];
  });
}
