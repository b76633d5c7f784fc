import { expect, it } from "vitest";
import type { Message, Role } from "../../../server/src/domain/model.js";
import type { NewMessage, SessionRef, Storage } from "../../../server/src/domain/storage.js";
import { type Walk, walkKept, walkMessages } from "./message-walks.js";
import { appendOf, createSession, forkOf, newMessage } from "./samples.js";
import type { StorageSuite } from "./storage-suite.js";

/** How many messages are shared. Those that are deleted meanwhile lie among those that stay. */
const LENGTH = 36;

/** How often a session is forked while it is read: each time leaves it one layer more. */
const FORKS = 8;

const PAGE_SIZES = [1, 3, 50];

const ROLES: readonly (readonly Role[] | undefined)[] = [undefined, ["user"], ["system", "tool"]];

const WALKS: readonly Walk[] = PAGE_SIZES.flatMap((maxItems) =>
  (["ascending", "descending"] as const).flatMap((order) =>
    ROLES.map((roles) => ({ order, maxItems, ...(roles === undefined ? {} : { roles }) })),
  ),
);

function newTurns(): readonly NewMessage[] {
  const roles = ["user", "assistant", "tool"] as const;
  return Array.from({ length: LENGTH }, (_, n) =>
    newMessage({ role: roles[n % 3] ?? "user", content: `${n}`, pinned: n % 4 === 0 }),
  );
}

function isStaying(index: number): boolean {
  return index % 5 !== 4;
}

/** What a session shares with its forks, and stays there: in the order of its sequences, from 1 on. */
class Shared {
  readonly messages = newTurns();

  /** The ids of what is never deleted, of what can be deleted. */
  readonly staying = this.messages.filter((_, index) => isStaying(index)).map(({ id }) => id);
  readonly going = this.messages.filter((_, index) => !isStaying(index)).map(({ id }) => id);

  /** Gives the ids that are in every walk. */
  idsOf({ order, roles }: Pick<Walk, "order" | "roles">): readonly string[] {
    const ids = this.messages
      .filter(({ id }) => this.staying.includes(id))
      .filter(({ role }) => roles?.includes(role) ?? true)
      .map(({ id }) => id);
    return order === "ascending" ? ids : ids.toReversed();
  }

  get keptIds(): readonly string[] {
    const kept = new Set(this.messages.filter(({ pinned }) => pinned).map(({ id }) => id));
    return this.staying.filter((id) => kept.has(id));
  }

  /** Gives those of some messages that stay. */
  among(messages: readonly Message[]): readonly string[] {
    return messages.map(({ id }) => id).filter((id) => this.staying.includes(id));
  }
}

async function begin(storage: Storage): Promise<readonly [SessionRef, Shared]> {
  const shared = new Shared();
  const ref = await createSession(storage);
  await storage.messages.append(ref, appendOf(...shared.messages));
  return [ref, shared];
}

async function fork({ sessions }: Storage, ref: SessionRef): Promise<SessionRef> {
  const request = forkOf(ref);
  await sessions.fork(ref, request);
  return { tenantId: ref.tenantId, sessionId: request.id };
}

/** Reads a session in every way once, and requires what stays in it. */
async function readAll(storage: Storage, ref: SessionRef, shared: Shared): Promise<void> {
  for (const walk of WALKS) {
    const found = await walkMessages(storage, ref, walk);
    expect(shared.among(found)).toEqual(shared.idsOf(walk));
    const sequences = found.map(({ sequence }) => sequence);
    expect(new Set(sequences).size).toBe(sequences.length);
  }
  for (const maxItems of PAGE_SIZES) {
    const kept = await walkKept(storage, ref, maxItems);
    expect(shared.among(kept)).toEqual(shared.keptIds);
  }
  for (const id of shared.staying) {
    expect(await storage.messages.get(ref, id)).toMatchObject({ id, sessionId: ref.sessionId });
  }
}

/** Tests that sessions that share messages are read well while these are changed. */
export function testForkReads(suite: StorageSuite): void {
  it("shows every reader once what stays, while it moves and its neighbours go", async () => {
    const { storage } = suite;
    const [ref, shared] = await begin(storage);
    const refs = [ref, await fork(storage, ref)];
    let isRead = false;
    const change = async (session: SessionRef): Promise<number> => {
      let changes = 0;
      for (; !isRead; changes++) {
        const id = shared.staying[(changes * 7) % shared.staying.length] ?? "";
        await storage.messages.update(session, id, { content: `edit ${changes}` }, undefined);
        const gone = shared.going[changes / 4];
        if (gone !== undefined) await storage.messages.delete(session, gone);
        // What it shares with a fork that is gone again is its own no longer.
        if (changes % 5 === 0 && changes < 5 * FORKS) {
          await storage.sessions.delete(await fork(storage, session));
        }
      }
      return changes;
    };

    const reading = Promise.all(refs.map((session) => readAll(storage, session, shared)));
    const changing = Promise.all(refs.map(change));
    await reading.finally(() => {
      isRead = true;
    });

    for (const changes of await changing) expect(changes).toBeGreaterThan(FORKS);
  }, 120_000);
}
