import { StateError } from "../domain/errors.js";
import type { AgentState } from "../domain/model.js";
import type { Append, Appended, SessionRef } from "../domain/storage.js";
import { putState, type StatePlace } from "./agent-state-rows.js";
import type { ApiCallRow } from "./api-call-entity.js";
import { insertCallRows, toCallRow } from "./api-call-rows.js";
import { findRepeated } from "./append-repeat.js";
import type { GroupSessions } from "./append-sessions.js";
import type { Connection, Database } from "./database.js";
import type { Statement } from "./dialect.js";
import type { MessageRow } from "./entities.js";
import { refusalOf } from "./expected-head.js";
import type { KnownHeads } from "./known-heads.js";
import { placeAppend } from "./placed-append.js";
import type { SessionMessages } from "./session-messages.js";
import { type HeadAdvance, requireSession, type SessionHead } from "./session-row.js";

/** What appends need beside their connection. */
export interface AppendContext {
  readonly sessions: GroupSessions;
  readonly messages: SessionMessages;
  readonly known: KnownHeads;
  readonly keepVersions: number;
}

/** An append, and where it goes. */
export interface SessionAppend {
  readonly ref: SessionRef;
  readonly request: Append;
}

/** What became of one append of a group. */
export type Outcome =
  | { readonly appended: Appended }
  | { readonly error: StateError }
  /** Another transaction has locked its session, or there is none. */
  | "held";

/** How a group is carried out. */
export interface GroupMode {
  /**
   * Whether ids are looked up before anything is written. Nearly every append is new: so
   * they are not at first, and an id that is known makes the whole group fail.
   */
  readonly looksUp: boolean;
  /** Whether to wait for sessions that other transactions have locked. */
  readonly waits: boolean;
}

/**
 * Carries out appends in one transaction, as MessageStorage.append promises, and gives
 * their outcomes in the same order. Those to one session take effect in it.
 *
 * One that is refused leaves the others as they are. One that puts states must be the only
 * one of its group: what it has written when a state is refused is undone with all else.
 *
 * @throws StateError `aborted` VERSION_CONFLICT if a state is refused.
 * @throws the database's error if it refuses any, as it does where an id is known that was
 * not looked up.
 */
export async function appendGroup(
  database: Database,
  appends: readonly SessionAppend[],
  mode: GroupMode,
  context: AppendContext,
): Promise<readonly Outcome[]> {
  const { sessions, known } = context;
  const ids = [...new Set(appends.map(({ ref }) => ref.sessionId))];
  const { outcomes, advances } = await database.groupTransactionInTurn(
    sessions.toLock(ids, mode.waits),
    async (connection, locked) => {
      const heads = sessions.toHeads(locked);
      const group = new AppendGroup(connection, heads, context);
      const outcomes: Outcome[] = [];
      for (const append of appends) {
        const isHeld = !mode.waits && !heads.has(append.ref.sessionId);
        outcomes.push(isHeld ? "held" : await group.carryOut(append, mode.looksUp));
      }
      const last = await group.finish();
      return { result: { outcomes, advances: group.advances }, last };
    },
  );
  // Not before: after a rollback, another change may come to the same revision.
  for (const { before, after } of advances) known.remember(before, after);
  return outcomes;
}

/** The transaction of a group. The locks, which last until it ends, make sequences follow the commits. */
class AppendGroup {
  readonly #connection: Connection;
  readonly #heads: Map<string, SessionHead>;
  readonly #context: AppendContext;
  /** The sessions that have changed, by their ids. */
  readonly #advances = new Map<string, HeadAdvance>();
  /** The rows that are not inserted yet. */
  #rows: MessageRow[] = [];
  #calls: ApiCallRow[] = [];

  constructor(
    connection: Connection,
    heads: ReadonlyMap<string, SessionHead>,
    context: AppendContext,
  ) {
    this.#connection = connection;
    this.#heads = new Map(heads);
    this.#context = context;
  }

  async carryOut(append: SessionAppend, looksUp: boolean): Promise<Outcome> {
    try {
      const outcome = await this.#settleWithoutWriting(append, looksUp);
      if (outcome !== undefined) return outcome;
    } catch (error) {
      if (error instanceof StateError) return { error };
      throw error;
    }
    return { appended: await this.#write(append) };
  }

  /** Gives the statements that write what is left to write. */
  async finish(): Promise<readonly Statement[]> {
    await this.#insertCalls();
    const { messages, sessions } = this.#context;
    const heads = this.advances.map(({ after }) => after);
    return [...messages.toInserts(this.#rows), ...sessions.toAdvances(heads)];
  }

  /** The sessions that have changed. */
  get advances(): readonly HeadAdvance[] {
    return [...this.#advances.values()];
  }

  async #settleWithoutWriting(
    { ref, request }: SessionAppend,
    looksUp: boolean,
  ): Promise<Outcome | undefined> {
    const head = requireSession(this.#heads.get(ref.sessionId), ref);
    const { messages: added, expectedHeadSequence } = request;
    const refusal = refusalOf(head, added.length, expectedHeadSequence);
    // What a fork shares is in no table of its own, which would refuse a known id.
    if (refusal === undefined && !looksUp && !head.isLayered) return undefined;
    // It may repeat one of this group.
    await this.#insertRows();
    const { messages } = this.#context;
    const repeated = await findRepeated(this.#connection, head, request, messages);
    if (repeated === undefined) return refusal && { error: refusal };
    const { headSequence, revision } = head;
    return { appended: { ...repeated, headSequence, revision, isRepeated: true } };
  }

  async #write({ ref, request }: SessionAppend): Promise<Appended> {
    const before = requireSession(this.#heads.get(ref.sessionId), ref);
    const { rows, messages, head } = placeAppend(request.messages, before);
    const { id: sessionId, headSequence, revision, updatedAt: time } = head;
    this.#rows.push(...rows);
    const agentStates = await this.#putStates(request, { sessionId, revision, headSequence, time });
    this.#calls.push(...request.apiCalls.map((call) => toCallRow(call, ref.tenantId, before)));
    const changeRevision = agentStates.length > 0 ? revision : before.changeRevision;
    const after = { ...head, changeRevision };
    this.#heads.set(sessionId, after);
    const first = this.#advances.get(sessionId)?.before ?? before;
    this.#advances.set(sessionId, { before: first, after });
    return { messages, agentStates, headSequence, revision, isRepeated: false };
  }

  async #putStates(
    request: Append,
    place: Omit<StatePlace, "keepVersions">,
  ): Promise<readonly AgentState[]> {
    const { keepVersions } = this.#context;
    const agentStates: AgentState[] = [];
    for (const state of request.agentStates) {
      agentStates.push(await putState(this.#connection, state, { ...place, keepVersions }));
    }
    return agentStates;
  }

  async #insertRows(): Promise<void> {
    const rows = this.#rows;
    this.#rows = [];
    await this.#context.messages.insert(this.#connection, rows);
    await this.#insertCalls();
  }

  async #insertCalls(): Promise<void> {
    const calls = this.#calls;
    this.#calls = [];
    await insertCallRows(this.#connection, calls);
  }
}
