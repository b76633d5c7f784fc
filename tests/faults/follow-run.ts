import type { Message, Session, State } from "@mofa-state/client";
import { expect } from "vitest";
import { collect } from "../support/collect.js";
import { type StreamOracle, watch } from "../support/stream-oracle.js";
import { type LiveLoad, type Stored, startLoad } from "./live-load.js";

/** How many appends of a kind are answered between one fault and the next. */
const BETWEEN_FAULTS = 25;

/** A session that is written to and followed while something breaks. */
export interface FollowRun {
  /** Lets everything go on for a while; then another one begins to follow, with a token of now. */
  goOn(): Promise<void>;
  /** Ends it, and checks that nothing was lost, doubled or out of order. */
  check(): Promise<void>;
}

/** What a run consists of. */
interface RunParts {
  readonly session: Session;
  readonly load: LiveLoad;
  /** Who follows from the beginning. */
  readonly oracles: readonly StreamOracle[];
  /** Who resumed in the middle of it. */
  readonly branches: StreamOracle[];
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
  const parts = { session, load: startLoad(state, session), oracles, branches: [] };
  await parts.load.progress(BETWEEN_FAULTS);
  return { goOn: () => goOn(parts), check: () => checkRun(parts) };
}

async function goOn({ load, oracles, branches }: RunParts): Promise<void> {
  await load.progress(BETWEEN_FAULTS);
  const oracle = oracles[branches.length % oracles.length];
  if (oracle !== undefined) branches.push(oracle.branch());
}

async function checkRun({ session, load, oracles, branches }: RunParts): Promise<void> {
  const answers = await load.stop();
  const { headSequence } = await session.append({ role: "system", content: "the end" });
  await Promise.all([...oracles, ...branches].map((oracle) => oracle.settled(headSequence)));

  const stored = await collect(session.messages());
  expect(stored.map(({ sequence }) => sequence)).toEqual(stored.map((_, index) => index + 1));
  checkStored(stored.slice(0, -1), answers);
  for (const oracle of oracles) await oracle.check();
  for (const branch of branches) expect(await branch.ownViolations()).toEqual([]);
}

/** Checks that what was answered is stored once, and nothing else but what may be. */
function checkStored(stored: readonly Message[], { appended, written, pipelined }: Stored): void {
  const { acknowledged, unknown } = pipelined;
  const isUnknown = ({ content }: Message) => unknown.includes(content);
  const answered = stored.filter((message) => !isUnknown(message));
  expect(textsOf(answered)).toEqual(textsOf([...appended, ...written, ...acknowledged]));
  const sequences = acknowledged.map(({ sequence }) => sequence);
  expect(sequences).toEqual(sequences.toSorted((a, b) => a - b));
  const unanswered = stored.filter(isUnknown).map(({ content }) => content);
  expect(unanswered).toEqual([...new Set(unanswered)]);
}

/** Gives the messages' ids and texts in the order of their sequences. */
function textsOf(messages: readonly Message[]): readonly unknown[] {
  const inOrder = messages.toSorted((a, b) => a.sequence - b.sequence);
  return inOrder.map(({ sequence, id, content, status }) => [sequence, id, content, status]);
}
