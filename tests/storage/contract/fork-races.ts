import { expect, it } from "vitest";
import type { SessionRef } from "../../../server/src/domain/storage.js";
import { newUuid } from "../../../server/src/domain/uuid.js";
import { appendOf, createSession, EVERYTHING, forkOf, newMessages, WIDE } from "./samples.js";
import type { StorageSuite } from "./storage-suite.js";

/** How often two sessions meet. */
const ROUNDS = 6;

/** How often a session and its fork are read while both are changed. */
const CHANGES = 40;

/** Ways to take the first message of a session out of its sight, if it is its own or shared. */
const REMOVALS = ["delete", "edit", "clear", "drop"] as const;

const PAIRS = REMOVALS.flatMap((one) => REMOVALS.map((other) => [one, other] as const));

/** Sessions that share a message, and the message's id. */
interface Sharing {
  readonly refs: readonly [SessionRef, SessionRef];
  readonly id: string;
}

/** Tests what happens when sessions that share messages change at the same moment. */
export function testForkRaces(suite: StorageSuite): void {
  const fork = async (ref: SessionRef): Promise<SessionRef> => {
    const request = forkOf(ref);
    await suite.storage.sessions.fork(ref, request);
    return { tenantId: ref.tenantId, sessionId: request.id };
  };

  async function begin(content: string): Promise<{ ref: SessionRef; id: string }> {
    const ref = await createSession(suite.storage);
    const append = appendOf(...newMessages([content, "two"]));
    await suite.storage.messages.append(ref, append);
    return { ref, id: append.messages[0]?.id ?? "" };
  }

  /** Ways in which two sessions share a message with some content. */
  const sharings: Readonly<Record<string, (content: string) => Promise<Sharing>>> = {
    async "a session and its fork"(content) {
      const { ref, id } = await begin(content);
      return { refs: [ref, await fork(ref)], id };
    },
    async "two forks whose origin is gone"(content) {
      const { ref, id } = await begin(content);
      const refs = [await fork(ref), await fork(ref)] as const;
      await suite.storage.sessions.delete(ref);
      return { refs, id };
    },
    async "two forks of an edit whose origin is gone"(content) {
      const { ref, id } = await begin("before");
      const first = await fork(ref);
      await suite.storage.messages.update(first, id, { content }, undefined);
      const refs = [await fork(first), await fork(first)] as const;
      await suite.storage.sessions.delete(first);
      await suite.storage.sessions.delete(ref);
      return { refs, id };
    },
  };

  async function remove(
    ref: SessionRef,
    id: string,
    by: (typeof REMOVALS)[number],
  ): Promise<unknown> {
    const { messages, sessions } = suite.storage;
    if (by === "delete") return messages.delete(ref, id);
    if (by === "edit") return messages.update(ref, id, { content: "edited" }, undefined);
    return by === "clear" ? messages.clear(ref, 0) : sessions.delete(ref);
  }

  it.each(Object.keys(sharings))(
    "leaves nothing of what %s take away at once",
    async (name) => {
      const mark = newUuid();
      for (let round = 0; round < ROUNDS; round++) {
        const met = PAIRS.map(async ([one, other], pair) => {
          const sharing = await sharings[name]?.(`${mark}-${round}-${pair}`);
          if (sharing === undefined) return;
          const [first, second] = sharing.refs;
          await Promise.all([remove(first, sharing.id, one), remove(second, sharing.id, other)]);
        });
        await Promise.all(met);
      }

      expect(await stored(mark)).toEqual([]);
    },
    120_000,
  );

  it("shows every reader each message once while it moves", async () => {
    const { ref } = await begin("one");
    const more = newMessages(Array.from({ length: 40 }, (_, n) => `${n}`));
    await suite.storage.messages.append(ref, appendOf(...more));
    const forks = [ref, await fork(ref)];
    let isChanging = true;
    const change = async (session: SessionRef): Promise<void> => {
      for (let n = 0; n < CHANGES; n++) {
        const id = more[(n * 7) % more.length]?.id ?? "";
        await suite.storage.messages.update(session, id, { content: `edit ${n}` }, undefined);
        // What it shares with a fork that is gone again is its own no longer.
        if (n % 4 === 0) await suite.storage.sessions.delete(await fork(session));
      }
    };
    const read = async (session: SessionRef, maxItems: number): Promise<void> => {
      while (isChanging) {
        expect(await sequences(session, maxItems)).toEqual(
          Array.from({ length: 42 }, (_, n) => n + 1),
        );
        const found = await suite.storage.messages.get(session, more[0]?.id ?? "");
        expect(found.sequence).toBe(3);
      }
    };

    const reading = forks.flatMap((session) => [read(session, 3), read(session, 50)]);
    await Promise.all(forks.map(change)).finally(() => {
      isChanging = false;
    });

    await Promise.all(reading);
  }, 120_000);

  async function stored(mark: string) {
    if (!suite.isShared) return [];
    return suite.query("SELECT content FROM messages WHERE content LIKE ?", [`${mark}%`]);
  }

  async function sequences(ref: SessionRef, maxItems: number): Promise<readonly number[]> {
    const found: number[] = [];
    for (let hasMore = true; hasMore; ) {
      const range = { ...EVERYTHING, afterSequence: found.at(-1) ?? 0 };
      const bounds = { maxItems, maxBytes: WIDE.maxBytes };
      const page = await suite.storage.messages.read(ref, range, bounds);
      found.push(...page.items.map(({ sequence }) => sequence));
      hasMore = page.hasMore;
    }
    return found;
  }
}
