import type { Message, Session, State } from "@mofa-state/client";
import { expect } from "vitest";
import { collect } from "../support/collect.js";
import { type StreamOracle, watch } from "../support/stream-oracle.js";
import { type LiveLoad, startLoad } from "./live-load.js";

/** How many appends are answered between one fault and the next. */
const BETWEEN_FAULTS = 25;

/** A session that is written to and followed while something breaks. */
export interface FollowRun {
  readonly session: Session;
  readonly load: LiveLoad;
  readonly oracles: readonly StreamOracle[];
  /** Lets everything go on for a while. */
  goOn(): Promise<void>;
  /** Ends it, and checks that nothing was lost, doubled or out of order. */
  check(): Promise<void>;
}

/** Starts writing to a new session and following it, by one client or by others that follow. */
export async function startRun(
  state: State,
  followers: readonly State[] = [state],
): Promise<FollowRun> {
  const session = await state.sessions.create();
  const oracles: StreamOracle[] = [];
  for (const follower of followers) {
    const followed = await follower.sessions.get(session.id);
    oracles.push(watch(followed), watch(followed, { deltas: true }));
  }
  const load = startLoad(session);
  const run = { session, load, oracles };
  await load.progress(BETWEEN_FAULTS);
  return { ...run, goOn: () => load.progress(BETWEEN_FAULTS), check: () => checkRun(run) };
}

async function checkRun(run: Pick<FollowRun, "session" | "load" | "oracles">): Promise<void> {
  const { session, load, oracles } = run;
  const { appended, written } = await load.stop();
  const { headSequence } = await session.append({ role: "system", content: "the end" });
  await Promise.all(oracles.map((oracle) => oracle.settled(headSequence)));

  const stored = await collect(session.messages());
  expect(stored.map(({ sequence }) => sequence)).toEqual(stored.map((_, index) => index + 1));
  expect(textsOf(stored.slice(0, -1))).toEqual(textsOf([...appended, ...written]));
  for (const oracle of oracles) await oracle.check();
}

/** Gives the messages' ids and texts in the order of their sequences. */
function textsOf(messages: readonly Message[]): readonly unknown[] {
  const inOrder = messages.toSorted((a, b) => a.sequence - b.sequence);
  return inOrder.map(({ sequence, id, content, status }) => [sequence, id, content, status]);
}
