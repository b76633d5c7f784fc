import { expect, it } from "vitest";
import type { SessionRef, Storage } from "../../../server/src/domain/storage.js";
import { newUuid } from "../../../server/src/domain/uuid.js";
import type { WriteRef } from "../../../server/src/domain/write-storage.js";
import {
  createSession,
  endOf,
  LONG_LEASE_MS,
  newWrite,
  type OpenWrite,
  startWrite,
  textOf,
} from "./samples.js";
import type { StorageSuite } from "./storage-suite.js";

/** Tests who may write a message when. */
export function testTakeOvers(suite: StorageSuite): void {
  function toRef(before: WriteRef, epoch: number | undefined): WriteRef {
    if (epoch === undefined) throw new Error("the message is finished");
    return { ...before, epoch };
  }

  async function statusOf({ ref }: OpenWrite): Promise<string> {
    return (await suite.storage.messages.get(ref, ref.messageId)).status;
  }

  /** Begins a message with a lease that runs out at once, and waits until it was interrupted. */
  async function interrupt(session: SessionRef, by: Storage = suite.storage): Promise<OpenWrite> {
    const begun = await startWrite(suite.storage, session, { leaseMs: 1 });
    await expect
      .poll(async () => {
        await by.writes.interruptExpired();
        return statusOf(begun);
      })
      .toBe("interrupted");
    return begun;
  }

  it("refuses a second writer as long as the lease runs", async () => {
    const { writes, sessions } = suite.storage;
    const session = await createSession(suite.storage);
    const { write, ref } = await startWrite(suite.storage, session);

    const second = writes.start(session, { ...write, writerId: newUuid() });

    await expect(second).rejects.toMatchObject({ code: "aborted", reason: "WRITER_ACTIVE" });
    expect(await sessions.get(session)).toMatchObject({ revision: 2 });
    expect(await writes.checkpoint(ref, textOf("x"), LONG_LEASE_MS)).toBe(3);
  });

  it("lets a writer take over from itself at once, and fences what it was before", async () => {
    const { writes, messages, sessions } = suite.storage;
    const session = await createSession(suite.storage);
    const { write, ref } = await startWrite(suite.storage, session);
    await writes.checkpoint(ref, textOf("Hel"), LONG_LEASE_MS);

    const again = await writes.start(session, { ...write, expectedHeadSequence: 9 });

    expect(again).toMatchObject({ isNew: false, headSequence: 1, revision: 4 });
    expect(again.message).toEqual(await messages.get(session, ref.messageId));
    expect(again.message).toMatchObject({ content: "Hel", status: "streaming", version: 1 });
    const replaced = { code: "aborted", reason: "WRITER_REPLACED" };
    for (const call of [
      writes.checkpoint(ref, textOf("lo"), LONG_LEASE_MS),
      writes.renew(ref, LONG_LEASE_MS),
      writes.finish(ref, endOf()),
    ]) {
      await expect(call).rejects.toMatchObject(replaced);
    }
    expect(await sessions.get(session)).toMatchObject({ revision: 4 });
    await writes.finish(toRef(ref, again.epoch), endOf({ text: "lo" }));
    expect(await messages.get(session, ref.messageId)).toMatchObject({ content: "Hello" });
  });

  it("gives a message that was released to anyone, and leaves it as it is until then", async () => {
    const { writes, sessions } = suite.storage;
    const session = await createSession(suite.storage);
    const begun = await startWrite(suite.storage, session);

    await writes.release(begun.ref);

    expect(await statusOf(begun)).toBe("streaming");
    expect(await sessions.get(session)).toMatchObject({ revision: 2 });
    const next = await writes.start(session, { ...begun.write, writerId: newUuid() });
    expect(next).toMatchObject({ isNew: false, revision: 3 });
    expect(next.epoch).not.toBe(begun.ref.epoch);
  });

  it("releases nothing that is not the writer's any more, or another tenant's", async () => {
    const { writes, sessions } = suite.storage;
    const session = await createSession(suite.storage);
    const { write, ref } = await startWrite(suite.storage, session);
    await writes.release({ ...ref, tenantId: newUuid() });
    const { epoch } = await writes.start(session, write);
    await writes.release(ref);

    const stranger = () => writes.start(session, { ...write, writerId: newUuid() });

    await expect(stranger()).rejects.toMatchObject({ reason: "WRITER_ACTIVE" });
    await writes.finish(toRef(ref, epoch), endOf());
    await writes.release(ref);
    await sessions.delete(session);
    await expect(writes.release(ref)).resolves.toBeUndefined();
  });

  it("gives a message whose lease ran out to another writer", async () => {
    const { writes } = suite.storage;
    const session = await createSession(suite.storage);
    const { write, ref } = await startWrite(suite.storage, session, { leaseMs: 1 });
    const other = { ...write, writerId: newUuid(), leaseMs: LONG_LEASE_MS };

    await expect
      .poll(() => writes.start(session, other).catch(({ reason }) => reason))
      .toMatchObject({ isNew: false, revision: 3, message: { status: "streaming" } });

    const late = writes.checkpoint(ref, textOf("x"), LONG_LEASE_MS);
    await expect(late).rejects.toMatchObject({ reason: "WRITER_REPLACED" });
  });

  it("interrupts a message whose lease ran out, on any server, once", async () => {
    const other = suite.isShared ? await suite.openAnother() : suite.storage;
    const session = await createSession(suite.storage);

    const { ref } = await interrupt(session, other);

    const { changes, sessions, writes } = suite.storage;
    expect(await sessions.get(session)).toMatchObject({ revision: 3 });
    expect(await changes.messagesBeingWritten(session)).toEqual([]);
    expect(await writes.interruptExpired()).not.toContain(session.sessionId);
    for (const call of [
      writes.checkpoint(ref, textOf("x"), LONG_LEASE_MS),
      writes.renew(ref, LONG_LEASE_MS),
      writes.finish(ref, endOf()),
    ]) {
      await expect(call).rejects.toMatchObject({ code: "aborted", reason: "WRITE_INTERRUPTED" });
    }
  });

  it("tells which sessions it interrupted, where several servers do so at once", async () => {
    const other = suite.isShared ? await suite.openAnother() : suite.storage;
    const both = [suite.storage, other, suite.storage];
    const sessions = await Promise.all(
      Array.from({ length: 6 }, () => createSession(suite.storage)),
    );
    await Promise.all(
      sessions.map((session) => startWrite(suite.storage, session, { leaseMs: 1 })),
    );
    const ids = sessions.map(({ sessionId }) => sessionId);
    const told: string[] = [];

    await expect
      .poll(async () => {
        const found = await Promise.all(both.map(({ writes }) => writes.interruptExpired()));
        told.push(...found.flat().filter((id) => ids.includes(id)));
        return told.length;
      })
      .toBeGreaterThanOrEqual(6);

    expect(told.sort()).toEqual(ids.sort());
    for (const session of sessions) {
      expect(await suite.storage.sessions.get(session)).toMatchObject({ revision: 3 });
    }
  });

  it("interrupts nothing whose lease was renewed, and lets a late checkpoint renew it", async () => {
    const { writes } = suite.storage;
    const session = await createSession(suite.storage);
    const renewed = await startWrite(suite.storage, session, { leaseMs: 0 });
    const written = await startWrite(suite.storage, session, { leaseMs: 0 });

    await writes.renew(renewed.ref, LONG_LEASE_MS);
    await writes.checkpoint(written.ref, textOf("x"), LONG_LEASE_MS);
    await writes.interruptExpired();

    expect([await statusOf(renewed), await statusOf(written)]).toEqual(["streaming", "streaming"]);
  });

  it.each(["itself", "another"])("lets a writer go on that was interrupted, as %s", async (who) => {
    const { writes, messages } = suite.storage;
    const session = await createSession(suite.storage);
    const { ref, write } = await interrupt(session);
    const writerId = who === "itself" ? write.writerId : newUuid();

    const resumed = await writes.start(session, { ...write, writerId, leaseMs: LONG_LEASE_MS });

    const streaming = { status: "streaming", revision: 4, version: 1 };
    expect(resumed).toMatchObject({ isNew: false, revision: 4, message: streaming });
    await writes.finish(toRef(ref, resumed.epoch), endOf({ text: "Hello" }));
    const message = await messages.get(session, ref.messageId);
    expect(message).toMatchObject({ content: "Hello", status: "complete", revision: 5 });
  });

  it("lets a writer go on that ended its message as interrupted", async () => {
    const { writes } = suite.storage;
    const session = await createSession(suite.storage);
    const { ref, write } = await startWrite(suite.storage, session);
    await writes.finish(ref, endOf({ text: "Hel", status: "interrupted" }));

    const { message, epoch } = await writes.start(session, { ...write, writerId: newUuid() });

    expect(message).toMatchObject({ content: "Hel", status: "streaming" });
    await writes.finish(toRef(ref, epoch), endOf({ text: "lo" }));
  });

  it("gives a message to one of the writers that start it at once", async () => {
    const other = suite.isShared ? await suite.openAnother() : suite.storage;
    const session = await createSession(suite.storage);
    const { message } = newWrite();

    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) => {
        const { writes } = index % 2 === 0 ? suite.storage : other;
        return writes.start(session, { ...newWrite(), message });
      }),
    );

    const refused = outcomes.filter(({ status }) => status === "rejected");
    expect(refused).toHaveLength(7);
    for (const outcome of refused) {
      expect(outcome).toMatchObject({ reason: { reason: "WRITER_ACTIVE" } });
    }
    const counts = { headSequence: 1, messageCount: 1, revision: 2 };
    expect(await suite.storage.sessions.get(session)).toMatchObject(counts);
  });
}
