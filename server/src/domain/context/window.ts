import type { Room } from "./room.js";
import { placeOf, type Unit } from "./steps.js";

/** What a window is chosen by. */
export interface WindowTerms {
  /** What is left beside what is kept in any case. */
  readonly room: Room;
  readonly maxTurns: number | undefined;
  /** The places of the units that are kept in any case: they take no more room. */
  readonly kept: { has(place: number): boolean };
  /** The place of the newest user message, which is kept; 0 if the session has none. */
  readonly newestUser: number;
}

/** The newest units that fit. */
export interface Window {
  readonly units: readonly Unit[];
  /** Whether reading further back could not add to it. */
  readonly isDone: boolean;
}

/**
 * Chooses the newest units that fit, whole turns where they are not of the newest one.
 *
 * `read` are the units that have been read, oldest first; `isWhole` says that none
 * come before them.
 */
export function chooseWindow(
  read: readonly Unit[],
  isWhole: boolean,
  { room: left, maxTurns, kept, newestUser }: WindowTerms,
): Window {
  const room = left.copy();
  const fits = (units: readonly Unit[]) => room.fits(withoutKept(units, kept));
  const units: Unit[] = [];
  let turns = 0;
  let turn: Unit[] = [];
  for (const unit of read.toReversed()) {
    const isNewest = placeOf(unit) >= newestUser;
    turn.push(unit);
    // Of the newest turn each step goes in by itself, of the older ones all or nothing.
    if (!isNewest && unit.kind !== "user") continue;
    if (turns === maxTurns || !fits(turn)) return { units, isDone: true };
    room.take(withoutKept(turn, kept));
    units.push(...turn);
    turn = [];
    if (unit.kind === "user") turns += 1;
  }
  return { units, isDone: isWhole || turns === maxTurns || !fits(turn) };
}

function withoutKept(units: readonly Unit[], kept: WindowTerms["kept"]): readonly Unit[] {
  return units.filter((unit) => !kept.has(placeOf(unit)));
}
