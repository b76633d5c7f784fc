import fc from "fast-check";
import { expect, it } from "vitest";
import type { Message } from "../../../server/src/domain/model.js";
import type { Storage } from "../../../server/src/domain/storage.js";
import { newUuid } from "../../../server/src/domain/uuid.js";
import { ForkModel, type ModelSession, type Operation } from "./fork-model.js";
import { walkKept, walkMessages } from "./message-walks.js";
import { createSession } from "./samples.js";
import type { StorageSuite } from "./storage-suite.js";
import { expectNoStrayLayers, expectStored } from "./stored-contents.js";

const OPERATIONS: fc.Arbitrary<readonly Operation[]> = fc.array(
  fc.record({
    type: fc.constantFrom(
      ...([
        "append",
        "append",
        "edit",
        "edit",
        "pin",
        "delete",
        "clear",
        "fork",
        "drop",
        "write",
      ] as const),
    ),
    session: fc.nat(20),
    choice: fc.nat(1_000),
  }),
  { minLength: 8, maxLength: 40 },
);

/** Reads a session in pages, in both directions, and all else that its messages are found by. */
async function lookAt(storage: Storage, { ref, head, ids }: ModelSession, maxItems: number) {
  const session = await storage.sessions.get(ref);
  const ascending = await walkMessages(storage, ref, { order: "ascending", maxItems });
  const descending = await walkMessages(storage, ref, { order: "descending", maxItems });
  const found = await Promise.all(
    [...ids.values()].map((id) => storage.messages.get(ref, id).catch(({ reason }) => reason)),
  );
  return {
    head: session.headSequence,
    count: session.messageCount,
    sessionIds: new Set(ascending.map(({ sessionId }) => sessionId)),
    ascending: toPairs(ascending),
    descending: toPairs(descending),
    kept: toPairs(await walkKept(storage, ref, maxItems)),
    found: found.map((message) => message.content ?? message),
    beforeLast: await storage.messages.sequenceBeforeLast(ref, 2, head),
  };
}

/** What {@link lookAt} has to find. */
function expected({ ref, head, contents, pinned, ids }: ModelSession) {
  const live = [...contents].sort(([a], [b]) => a - b);
  return {
    head,
    count: live.length,
    sessionIds: new Set(live.map(() => ref.sessionId)),
    ascending: live,
    descending: live.toReversed(),
    kept: live.filter(([sequence]) => pinned.has(sequence)),
    found: [...ids.keys()].map((sequence) => contents.get(sequence) ?? "MESSAGE_DELETED"),
    beforeLast: live.at(-3)?.[0] ?? 0,
  };
}

function toPairs(
  messages: readonly Message[],
): readonly (readonly [sequence: number, content: string])[] {
  return messages.map(({ sequence, content }) => [sequence, content]);
}

/** Tests that sessions which share messages are as if each had copies of its own. */
export function testForkCopies(suite: StorageSuite): void {
  it("shows each session what a copy of its own would have, whatever is done to the others", async () => {
    const property = fc.asyncProperty(
      OPERATIONS,
      fc.integer({ min: 1, max: 4 }),
      async (all, max) => {
        const root = await createSession(suite.storage);
        const mark = newUuid();
        const model = new ForkModel(suite.storage, root, mark);
        for (const operation of all) {
          await model.run(operation);
          for (const session of model.sessions) {
            expect(await lookAt(suite.storage, session, max)).toEqual(expected(session));
          }
          const shown = model.sessions.flatMap(({ contents }) => [...contents.values()]);
          await expectStored(suite, mark, shown);
          await expectNoStrayLayers(suite);
        }
        await model.dropAll();
        await expectStored(suite, mark, []);
        await expectNoStrayLayers(suite);
      },
    );
    await fc.assert(property, { numRuns: 15 });
  }, 120_000);
}
