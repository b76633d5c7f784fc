import { expect, it } from "vitest";
import type { SessionRef, Storage } from "../../../server/src/domain/storage.js";
import { newUuid } from "../../../server/src/domain/uuid.js";
import type { NewWrite } from "../../../server/src/domain/write-storage.js";
import {
  appendOf,
  createSession,
  EVERYTHING,
  endOf,
  forkOf,
  newMessages,
  startWrite,
  textOf,
  WIDE,
} from "./samples.js";
import type { StorageSuite } from "./storage-suite.js";
import { expectStored } from "./stored-contents.js";

/** How often two sessions meet. */
const ROUNDS = 6;

/** Ways to take what the first message of a session says out of its sight. */
const REMOVALS = ["delete", "edit", "clear", "drop", "go on"] as const;

type Removal = (typeof REMOVALS)[number];

const PAIRS = REMOVALS.flatMap((one) => REMOVALS.map((other) => [one, other] as const));

/** Sessions that share an interrupted message, and how its writer began it. */
interface Sharing {
  readonly refs: readonly [SessionRef, SessionRef];
  readonly write: NewWrite;
}

async function fork({ sessions }: Storage, ref: SessionRef): Promise<SessionRef> {
  const request = forkOf(ref);
  await sessions.fork(ref, request);
  return { tenantId: ref.tenantId, sessionId: request.id };
}

async function begin(
  storage: Storage,
  content: string,
): Promise<{ readonly ref: SessionRef; readonly write: NewWrite }> {
  const ref = await createSession(storage);
  const { ref: open, write } = await startWrite(storage, ref);
  await storage.writes.finish(open, endOf({ text: content, status: "interrupted" }));
  await storage.messages.append(ref, appendOf(...newMessages(["two"])));
  return { ref, write };
}

/** Ways in which two sessions share a message with some content. */
const SHARINGS: Readonly<Record<string, (storage: Storage, content: string) => Promise<Sharing>>> =
  {
    async "a session and its fork"(storage, content) {
      const { ref, write } = await begin(storage, content);
      return { refs: [ref, await fork(storage, ref)], write };
    },
    async "two forks of a session"(storage, content) {
      const { ref, write } = await begin(storage, content);
      const refs = [await fork(storage, ref), await fork(storage, ref)] as const;
      await storage.messages.delete(ref, write.message.id);
      return { refs, write };
    },
    async "two forks whose origin is gone"(storage, content) {
      const { ref, write } = await begin(storage, content);
      const refs = [await fork(storage, ref), await fork(storage, ref)] as const;
      await storage.sessions.delete(ref);
      return { refs, write };
    },
    async "two forks of an edit whose origin is gone"(storage, content) {
      const { ref, write } = await begin(storage, "before");
      const first = await fork(storage, ref);
      await storage.messages.update(first, write.message.id, { content }, undefined);
      const refs = [await fork(storage, first), await fork(storage, first)] as const;
      await storage.sessions.delete(first);
      await storage.sessions.delete(ref);
      return { refs, write };
    },
  };

async function remove(
  storage: Storage,
  ref: SessionRef,
  write: NewWrite,
  by: Removal,
): Promise<unknown> {
  const { messages, sessions } = storage;
  const { id } = write.message;
  if (by === "delete") return messages.delete(ref, id);
  if (by === "edit") return messages.update(ref, id, { content: "edited" }, undefined);
  if (by === "clear") return messages.clear(ref, 0);
  return by === "drop" ? sessions.delete(ref) : goOn(storage, ref, write);
}

/** Writes more of an interrupted message, in the session's own copy of it. */
async function goOn({ writes }: Storage, ref: SessionRef, write: NewWrite): Promise<void> {
  const { epoch, message } = await writes.start(ref, write);
  expect(epoch).toBeDefined();
  const open = { ...ref, messageId: message.id, sequence: message.sequence, epoch: epoch ?? 0 };
  await writes.checkpoint(open, textOf(` on in ${ref.sessionId}`), write.leaseMs);
  await writes.finish(open, endOf());
}

/** Gives what a session shows, unless it is deleted. */
async function shownBy({ messages }: Storage, ref: SessionRef): Promise<readonly string[]> {
  try {
    const { items } = await messages.read(ref, EVERYTHING, WIDE);
    return items.map(({ content }) => content);
  } catch (error) {
    expect(error).toMatchObject({ reason: "SESSION_DELETED" });
    return [];
  }
}

/** Tests what happens when sessions that share messages change at the same moment. */
export function testForkRaces(suite: StorageSuite): void {
  it.each(Object.entries(SHARINGS))(
    "leaves nothing of what %s take out of sight at once",
    async (_, share) => {
      const { storage, isShared } = suite;
      const another = isShared ? await suite.openAnother() : storage;
      const mark = newUuid();
      const shown: string[] = [];
      const meet = async (pair: readonly [Removal, Removal], name: string) => {
        const { refs, write } = await share(storage, name);
        const [one, other] = pair;
        const [first, second] = refs;
        const removals = [
          remove(storage, first, write, one),
          remove(another, second, write, other),
        ];
        await Promise.all(removals);
        for (const ref of refs) shown.push(...(await shownBy(storage, ref)));
      };

      for (let round = 0; round < ROUNDS; round++) {
        await Promise.all(PAIRS.map((pair, n) => meet(pair, `${mark}-${round}-${n}`)));
      }

      const ofMark = shown.filter((content) => content.startsWith(mark));
      expect(ofMark.filter((content) => !content.includes(" on in "))).toEqual([]);
      await expectStored(suite, mark, ofMark);
    },
    120_000,
  );
}
