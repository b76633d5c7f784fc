import { expect, it } from "vitest";
import type { Append, SessionRef, Storage } from "../../server/src/domain/storage.js";
import { chosenKinds } from "../support/database-kinds.js";
import { describeDatabases } from "../support/databases.js";
import {
  appendOf,
  createSession,
  EVERYTHING,
  newMessage,
  newState,
  WIDE,
} from "./contract/samples.js";
import { openTwo } from "./two-storages.js";

const SESSIONS = 3;
const STEPS = 300;
const SEEDS = [1, 2, 3, 4];

/** Gives numbers below a bound, the same ones for a seed: a linear congruential generator. */
function numbersOf(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    // The constants are those of Numerical Recipes.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * bound);
  };
}

/** A session, and all that was acknowledged of it. */
class Known {
  readonly ref: SessionRef;
  /** The appends that were stored, with the sequence of the first message. */
  readonly appends: { readonly append: Append; readonly sequence: number }[] = [];
  changes = 0;

  constructor(ref: SessionRef) {
    this.ref = ref;
  }
}

async function append(storage: Storage, known: Known, messages: number): Promise<void> {
  const request = appendOf(...Array.from({ length: messages }, () => newMessage()));
  const stored = await storage.messages.append(known.ref, request);
  known.changes += 1;
  known.appends.push({ append: request, sequence: stored.headSequence - messages + 1 });
}

/** Repeats an append, once or twice at once, alone or with a new one. */
async function repeat(storage: Storage, known: Known, index: number): Promise<void> {
  const before = known.appends[index % known.appends.length];
  if (before === undefined) return;
  const again = () => storage.messages.append(known.ref, before.append);
  const between = index % 2 === 0 ? append(storage, known, 1) : undefined;
  const repeated = await Promise.all(index % 4 < 2 ? [again()] : [again(), again()]);
  await between;
  for (const { isRepeated, messages } of repeated) {
    expect({ isRepeated, sequence: messages[0]?.sequence }).toEqual({
      isRepeated: true,
      sequence: before.sequence,
    });
  }
}

async function edit(storage: Storage, known: Known, index: number): Promise<void> {
  const before = known.appends[index % known.appends.length];
  const [message] = before?.append.messages ?? [];
  if (message === undefined) return;
  // No two are the same, so that each is a change.
  known.changes += 1;
  const content = `edit ${known.changes}`;
  await storage.messages.update(known.ref, message.id, { content }, undefined);
}

async function putState(storage: Storage, known: Known, index: number): Promise<void> {
  await storage.agentStates.put(known.ref, newState({ key: `k${index % 3}` }));
  known.changes += 1;
}

const CHANGES = [append, append, repeat, repeat, edit, edit, putState] as const;

describeDatabases(
  "appends among other changes, of two servers",
  (database) => {
    it.each(SEEDS)(
      "leave no gap and count each change, seed %i",
      { timeout: 60_000 },
      async (seed) => {
        const [ours, theirs] = await openTwo(database);
        const numberBelow = numbersOf(seed);
        const sessions = await Promise.all(
          Array.from({ length: SESSIONS }, async () => new Known(await createSession(ours))),
        );

        for (let step = 0; step < STEPS; step += 1) {
          // Most of the time one server is alone with a session, and goes by what it knows.
          const atOnce = Array.from({ length: 1 + numberBelow(3) }, () => {
            const storage = numberBelow(10) === 0 ? theirs : ours;
            const known = sessions[numberBelow(SESSIONS)];
            const change = CHANGES[numberBelow(CHANGES.length)];
            if (known === undefined || change === undefined)
              throw new Error("a number is too large");
            return change(storage, known, 1 + numberBelow(8));
          });
          await Promise.all(atOnce);
        }

        for (const { ref, appends, changes } of sessions) {
          const { items } = await theirs.messages.read(ref, EVERYTHING, WIDE);
          const { length } = items;
          expect(items.map(({ sequence }) => sequence)).toEqual(items.map((_, index) => index + 1));
          const stored = appends.flatMap(({ append: { messages }, sequence }) =>
            messages.map(({ id }, index) => [sequence + index, id] as const),
          );
          expect(new Map(items.map(({ sequence, id }) => [sequence, id]))).toEqual(new Map(stored));
          expect(await ours.sessions.get(ref)).toMatchObject({
            headSequence: length,
            messageCount: length,
            revision: 1 + changes,
          });
        }
      },
    );
  },
  chosenKinds().filter((kind) => kind !== "memory"),
);
