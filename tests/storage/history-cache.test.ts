import { type Message, MessageStatus } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Histories } from "../../server/src/domain/history.js";
import type { HistoryStart } from "../../server/src/domain/history-request.js";
import type { SessionRef, Storage } from "../../server/src/domain/storage.js";
import { describeDatabases } from "../support/databases.js";
import {
  appendOf,
  createSession,
  EVERYTHING,
  endOf,
  forkOf,
  newMessage,
  newMessages,
  newState,
  type OpenWrite,
  startWrite,
  textOf,
  WIDE,
} from "./contract/samples.js";
import { historiesOf } from "./counted-histories.js";
import { messagesOf, openHistory } from "./streamed-histories.js";
import { openTwo } from "./two-storages.js";

const MIB = 1024 * 1024;
const BEGINNING = { from: "beginning" } as const;

async function readHistory(
  histories: Histories,
  ref: SessionRef,
  start: HistoryStart = BEGINNING,
): Promise<readonly Message[]> {
  const read: Message[] = [];
  for await (const frame of openHistory(histories, ref, start)) read.push(...messagesOf(frame));
  return read;
}

function contentsOf(messages: readonly { readonly content: string }[]): readonly string[] {
  return messages.map(({ content }) => content);
}

async function writeSession(storage: Storage, contents: readonly string[]): Promise<SessionRef> {
  const ref = await createSession(storage);
  await storage.messages.append(ref, appendOf(...newMessages(contents)));
  return ref;
}

async function idOf(storage: Storage, ref: SessionRef, sequence: number): Promise<string> {
  const range = { ...EVERYTHING, afterSequence: sequence - 1, upToSequence: sequence };
  const [message] = (await storage.messages.read(ref, range, WIDE)).items;
  return message?.id ?? "";
}

describeDatabases("histories that are kept in memory", (database) => {
  it("are not read again, but for what was appended", async () => {
    const [here, there] = await openTwo(database);
    const { histories, takeCount } = historiesOf(here, MIB);
    const ref = await writeSession(here, ["a", "b", "c"]);

    expect(contentsOf(await readHistory(histories, ref))).toEqual(["a", "b", "c"]);
    expect(takeCount()).toBe(3);
    await there.messages.append(ref, appendOf(...newMessages(["d"])));
    expect(contentsOf(await readHistory(histories, ref))).toEqual(["a", "b", "c", "d"]);
    expect(takeCount()).toBe(1);
    const last = { from: "last_messages", lastMessages: 2 } as const;
    expect(contentsOf(await readHistory(histories, ref, last))).toEqual(["c", "d"]);
    expect(takeCount()).toBe(0);
  });

  it("have what another server edited, deleted and cleared", async () => {
    const [here, there] = await openTwo(database);
    const { histories, takeCount } = historiesOf(here, MIB);
    const ref = await writeSession(there, ["a", "b", "c", "d"]);
    await readHistory(histories, ref);
    takeCount();

    await there.messages.update(ref, await idOf(there, ref, 2), { content: "B" }, undefined);
    expect(contentsOf(await readHistory(histories, ref))).toEqual(["a", "B", "c", "d"]);
    expect(takeCount()).toBe(1);
    await there.messages.delete(ref, await idOf(there, ref, 1));
    expect(contentsOf(await readHistory(histories, ref))).toEqual(["B", "c", "d"]);
    await there.messages.clear(ref, 3);
    expect(contentsOf(await readHistory(histories, ref))).toEqual(["B", "c"]);
    const last = { from: "last_messages", lastMessages: 1 } as const;
    expect(contentsOf(await readHistory(histories, ref, last))).toEqual(["c"]);
  });

  it("end with a session that another server deletes, whose id nobody gets again", async () => {
    const [here, there] = await openTwo(database);
    const { histories } = historiesOf(here, MIB);
    const ref = await writeSession(there, ["a"]);
    await readHistory(histories, ref);

    await there.sessions.delete(ref);

    const reason = "SESSION_DELETED";
    await expect(readHistory(histories, ref)).rejects.toMatchObject({ reason });
    const other = { ...ref, tenantId: (await createSession(there)).tenantId };
    await expect(readHistory(histories, other)).rejects.toMatchObject({
      reason: "SESSION_NOT_FOUND",
    });
  });

  it("are given to nobody but their tenant", async () => {
    const [here] = await openTwo(database);
    const { histories } = historiesOf(here, MIB);
    const ref = await writeSession(here, ["a"]);
    await readHistory(histories, ref);
    const { tenantId } = await createSession(here);

    const reason = "SESSION_NOT_FOUND";
    await expect(readHistory(histories, { ...ref, tenantId })).rejects.toMatchObject({ reason });
  });

  it("have all that is stored of a message that is being written", async () => {
    const [here, there] = await openTwo(database);
    const { histories } = historiesOf(here, MIB);
    const session = await writeSession(there, ["a"]);
    const { ref } = await startWrite(there, session);
    await there.messages.append(session, appendOf(...newMessages(["c"])));
    await readHistory(histories, session);

    await there.writes.checkpoint(ref, textOf("Hel"), 1_000);
    expect(contentsOf(await readHistory(histories, session))).toEqual(["a", "Hel", "c"]);
    await there.writes.checkpoint(ref, textOf("lo"), 1_000);
    expect(contentsOf(await readHistory(histories, session))).toEqual(["a", "Hello", "c"]);
    await there.writes.finish(ref, endOf({ text: "!" }));
    const [, written] = await readHistory(histories, session);
    expect(written).toMatchObject({ content: "Hello!", status: MessageStatus.COMPLETE });
  });

  it("take no more memory than they may, and keep the newest", async () => {
    const [here] = await openTwo(database);
    const { histories, cache, takeCount } = historiesOf(here, 100_000);
    const contents = Array.from({ length: 200 }, (_, index) => `${index}`.padEnd(1_000));
    const long = await writeSession(here, contents);
    for (let round = 0; round < 5; round++) {
      await readHistory(histories, await writeSession(here, contents.slice(0, 20)));
      expect(cache.size).toBeLessThanOrEqual(100_000);
    }

    expect(contentsOf(await readHistory(histories, long))).toEqual(contents);

    expect(cache.size).toBeLessThanOrEqual(100_000);
    expect(cache.size).toBeGreaterThan(30_000);
    takeCount();
  });

  it("are what the database has, whatever two servers do to the session", async () => {
    const [here, there] = await openTwo(database);
    const step = fc.record({
      action: fc.constantFrom<Action>(...ACTIONS),
      number: fc.nat(40),
      isHere: fc.boolean(),
    });
    const property = fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 25 }),
      fc.constantFrom(MIB, 8_000, 0),
      async (steps, maxBytes) => {
        const { histories } = historiesOf(here, maxBytes);
        const ref = await writeSession(here, ["a", "b"]);
        const model = new Hands(ref);
        for (const { action, number, isHere } of steps) {
          await model.act(isHere ? here : there, action, number);
          const { items } = await there.messages.read(ref, EVERYTHING, WIDE);
          const after = { from: "after_sequence", afterSequence: Math.min(number, 2) } as const;
          const last = { from: "last_messages", lastMessages: number } as const;
          const whole = await readHistory(histories, ref);

          expect(whole.map(toKey)).toEqual(items.map(toKey));
          expect((await readHistory(histories, ref, last)).map(toKey)).toEqual(
            (number === 0 ? [] : items.slice(-number)).map(toKey),
          );
          expect((await readHistory(histories, ref, after)).map(toKey)).toEqual(
            items.filter(({ sequence }) => sequence > Math.min(number, 2)).map(toKey),
          );
        }
      },
    );
    await fc.assert(property, { numRuns: database.kind === "memory" ? 60 : 15 });
  }, 60_000);
});

const ACTIONS = [
  "append",
  "edit",
  "delete",
  "clear",
  "write",
  "checkpoint",
  "finish",
  "put_state",
  "fork",
] as const;

type Action = (typeof ACTIONS)[number];

/** What is done to a session, as far as it can be done. */
class Hands {
  readonly #ref: SessionRef;
  #write: OpenWrite | undefined;

  constructor(ref: SessionRef) {
    this.#ref = ref;
  }

  async act(storage: Storage, action: Action, number: number): Promise<void> {
    try {
      await this.#act(storage, action, number);
    } catch (error) {
      // What is not there, or is being written, cannot be edited; a clear ends the writing.
      expect(error).toMatchObject({ code: /^(not_found|failed_precondition|aborted)$/ });
    }
  }

  async #act(storage: Storage, action: Action, number: number): Promise<void> {
    const ref = this.#ref;
    const content = "x".repeat(number * 100);
    switch (action) {
      case "append": {
        const messages = Array.from({ length: (number % 3) + 1 }, () => newMessage({ content }));
        await storage.messages.append(ref, appendOf(...messages));
        break;
      }
      case "edit":
        await storage.messages.update(
          ref,
          await idOf(storage, ref, number % 20),
          { content },
          undefined,
        );
        break;
      case "delete":
        await storage.messages.delete(ref, await idOf(storage, ref, number % 20));
        break;
      case "clear":
        await storage.messages.clear(ref, number);
        break;
      case "write":
        this.#write ??= await startWrite(storage, ref);
        break;
      case "checkpoint":
        if (this.#write) await storage.writes.checkpoint(this.#write.ref, textOf("more"), 1_000);
        break;
      case "finish": {
        const write = this.#write;
        this.#write = undefined;
        if (write) await storage.writes.finish(write.ref, endOf({ text: "end" }));
        break;
      }
      case "put_state":
        await storage.agentStates.put(ref, newState());
        break;
      case "fork":
        await storage.sessions.fork(ref, forkOf(ref));
        break;
    }
  }
}

function toKey(message: {
  readonly sequence: number | bigint;
  readonly content: string;
  readonly revision: number | bigint;
  readonly version: number | bigint;
}): readonly unknown[] {
  const { sequence, content, revision, version } = message;
  return [Number(sequence), content.length, Number(revision), Number(version)];
}
