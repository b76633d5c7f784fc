import { create, type MessageInitShape, toJsonString } from "@bufbuild/protobuf";
import {
  MessageSchema,
  type Message as ProtoMessage,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { expect, it } from "vitest";
import type { Histories } from "../../server/src/domain/history.js";
import type { Message } from "../../server/src/domain/model.js";
import type { SessionRef, Storage } from "../../server/src/domain/storage.js";
import { toProtoMessage } from "../../server/src/rpc/convert-message.js";
import { describeDatabases } from "../support/databases.js";
import {
  appendOf,
  createLong,
  EVERYTHING,
  forkOf,
  newMessage,
  newWrite,
  WIDE,
} from "./contract/samples.js";
import { openForTest } from "./contract/storage-suite.js";
import { historiesOf } from "./counted-histories.js";
import { countSent, DIALECTS } from "./sent-calls.js";
import { messagesOf, openHistory } from "./streamed-histories.js";

const LENGTH = 300;

/** Streams a history after a sequence. */
function open(histories: Histories, ref: SessionRef, afterSequence = 0) {
  return openHistory(histories, ref, { from: "after_sequence", afterSequence });
}

/** What may have become of a session of some messages. */
const CHANGES: Readonly<
  Record<string, (storage: Storage, ref: SessionRef) => Promise<SessionRef>>
> = {
  nothing: async (_, ref) => ref,
  "all that messages hold": async (storage, ref) => {
    const file = { type: "file", uri: undefined, mediaType: "image/png", name: "🦔.png" } as const;
    const messages = [
      newMessage({ content: "", tokenCount: 2 ** 31 - 1, pinned: true }),
      newMessage({ content: "🦔\n\u0001é".repeat(60), role: "assistant", tokenCount: 0 }),
      newMessage({ content: "x".repeat(250), role: "system", metadata: { é: [1.5, null] } }),
      newMessage({ content: "x".repeat(251), parts: [{ ...file, data: Buffer.of(0, 255) }] }),
      newMessage({ role: "tool", raw: { data: Buffer.of(0, 0xfe, 255), mediaType: "a/b" } }),
      newMessage({ raw: { data: Buffer.alloc(0), mediaType: "" } }),
    ];
    await storage.messages.append(ref, appendOf(...messages));
    const edit = { content: "edited" };
    await storage.messages.update(ref, messages[1]?.id ?? "", edit, undefined);
    return ref;
  },
  "a message that is being written": async (storage, ref) => {
    await storage.writes.start(ref, newWrite());
    await storage.messages.append(ref, appendOf(newMessage()));
    return ref;
  },
  "a large message": async (storage, ref) => {
    const content = "x".repeat(100_000);
    await storage.messages.append(ref, appendOf(newMessage({ content })));
    return ref;
  },
  "deleted messages": async (storage, ref) => {
    for (const message of await readAll(storage, ref)) {
      if (message.sequence % 3 === 0) await storage.messages.delete(ref, message.id);
    }
    return ref;
  },
  "a fork of it that edits": async (storage, ref) => {
    const fork = forkOf(ref);
    await storage.sessions.fork(ref, fork);
    const [first] = await readAll(storage, ref);
    const forked = { ...ref, sessionId: fork.id };
    const edit = { content: "edited" };
    await storage.messages.update(forked, first?.id ?? "", edit, undefined);
    return forked;
  },
};

function toText(message: MessageInitShape<typeof MessageSchema>): string {
  return toJsonString(MessageSchema, create(MessageSchema, message));
}

async function readAll({ messages }: Storage, ref: SessionRef): Promise<readonly Message[]> {
  return (await messages.read(ref, EVERYTHING, { ...WIDE, maxItems: 1_000 })).items;
}

describeDatabases("a history that is streamed from the database", (database) => {
  it.each([
    { frames: 1, read: 9 },
    { frames: 3, read: 73 },
  ])("is read no further than a reader comes who leaves after $frames frames", async (reader) => {
    const storage = await openForTest(await database.create());
    const { histories, takeCount } = historiesOf(storage, 0);
    const frames = open(histories, await createLong(storage, LENGTH));

    for (let frame = 1; frame <= reader.frames; frame++) await frames.next();
    await frames.return();

    expect(takeCount()).toBe(reader.read);
  });

  it.each(Object.entries(CHANGES))(
    "is all that there is, from any start: %s",
    async (_, change) => {
      const storage = await openForTest(await database.create());
      const { histories } = historiesOf(storage, 0);

      for (const length of [1, 8, 9, 10, 40, 100]) {
        const ref = await change(storage, await createLong(storage, length));
        const all = await readAll(storage, ref);
        for (const start of [0, 1, 9, length - 1, length]) {
          if (start > length) continue;
          const read: ProtoMessage[] = [];
          for await (const frame of open(histories, ref, start)) read.push(...messagesOf(frame));
          const after = all.filter(({ sequence }) => sequence > start);
          expect(read.map(toText)).toEqual(after.map((message) => toText(toProtoMessage(message))));
        }
      }
    },
  );

  it("is opened in one round trip", async () => {
    const storage = await openForTest(await database.create());
    const { histories } = historiesOf(storage, 0);
    const ref = await createLong(storage, LENGTH);
    const sent = countSent(DIALECTS[database.kind]);

    const frames = open(histories, ref);
    await frames.next();
    await frames.return();

    const { singleConnection } = DIALECTS[database.kind];
    expect(sent.take()).toEqual({ alone: 0, together: 0, raw: singleConnection ? 2 : 1 });
  });
});
