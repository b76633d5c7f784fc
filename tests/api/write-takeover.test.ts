import { randomUUID } from "node:crypto";
import type { Session } from "@mofa-state/client";
import { expect, it } from "vitest";
import { describeDatabases } from "../support/databases.js";
import { watch } from "../support/stream-oracle.js";
import { shareServer } from "./shared-server.js";

const LEASE_MS = 300;

/** What a server has that is told nothing else. */
const DEFAULT_LEASE_MS = 10_000;

async function appendLast(session: Session): Promise<number> {
  return (await session.append({ role: "system", content: "the end" })).headSequence;
}

/** Waits until so many bytes are acknowledged; followers are shown them before. */
async function untilAcknowledged(
  writer: ReturnType<Session["write"]>,
  session: Session,
  bytes: number,
): Promise<void> {
  await writer.opened;
  let { content } = await session.getMessage(writer.id);
  while (Buffer.byteLength(content) < bytes) ({ content } = await session.getMessage(writer.id));
}

describeDatabases("a message that has a writer", (database) => {
  const server = shareServer(database, { writeCheckpointMs: 20 });

  it("is refused to a second one, until the first is done", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const header = { id: randomUUID(), role: "assistant" } as const;
    const first = session.write(header);
    await first.write("mine");
    await first.opened;

    const active = { code: "aborted", reason: "WRITER_ACTIVE" };
    await expect(session.write(header).opened).rejects.toMatchObject(active);

    const message = await first.finish();
    expect(message.content).toBe("mine");
    expect((await session.write(header).opened).message).toEqual(message);
  });

  it("goes over to the same writer at once, who goes on where it is durable", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const header = { id: randomUUID(), role: "assistant" } as const;
    const writerId = randomUUID();
    const oracle = watch(session, { deltas: true });
    const first = session.write(header, { writerId });
    await first.write("durable 🦔 ");
    await untilAcknowledged(first, session, Buffer.byteLength("durable 🦔 "));

    const second = session.write(header, { writerId });
    const { offset, sequence } = await second.opened;
    await second.write("and more");

    expect([offset, sequence]).toEqual([Buffer.byteLength("durable 🦔 "), 1]);
    await first.write("too late").catch(() => undefined);
    await expect(first.finish()).rejects.toMatchObject({
      code: "aborted",
      reason: "WRITER_REPLACED",
    });
    expect((await second.finish()).content).toBe("durable 🦔 and more");
    await oracle.settled(await appendLast(session));
    await oracle.check();
  });

  it("has one writer of many who start it at once", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const header = { id: randomUUID(), role: "assistant" } as const;

    const starts = Array.from({ length: 10 }, () => session.write(header));
    const results = await Promise.allSettled(starts.map(({ opened }) => opened));

    const refused = results.filter(({ status }) => status === "rejected");
    expect(refused).toHaveLength(9);
    for (const result of refused)
      expect(result).toMatchObject({ reason: { reason: "WRITER_ACTIVE" } });
    expect((await session.refresh()).headSequence).toBe(1);
    const winner = starts[results.findIndex(({ status }) => status === "fulfilled")];
    expect((await winner?.finish())?.status).toBe("complete");
  });

  it("goes to another one long before the lease is over, once the first has gone away", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const header = { id: randomUUID(), role: "assistant" } as const;
    const gone = new AbortController();
    const first = session.write(header, { signal: gone.signal });
    await first.write("half of it, ");
    await untilAcknowledged(first, session, 12);

    const asked = performance.now();
    gone.abort();
    let second = session.write(header);
    // Until the server has seen it, the first is as good as there.
    for (;;) {
      const refusal = await second.opened.then(() => undefined, String);
      if (refusal === undefined) break;
      second = session.write(header);
    }

    expect(performance.now() - asked).toBeLessThan(DEFAULT_LEASE_MS / 2);
    await second.write("and the rest");
    expect((await second.finish()).content).toBe("half of it, and the rest");
  });
});

describeDatabases("a message whose writer has gone away", (database) => {
  const server = shareServer(database, { writeCheckpointMs: 20, writeLeaseMs: LEASE_MS });

  it("is interrupted when its lease is over, and goes on when one comes back", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const header = { id: randomUUID(), role: "assistant" } as const;
    const [growing, plain] = [watch(session, { deltas: true }), watch(session)];
    const gone = new AbortController();
    const first = session.write(header, { signal: gone.signal });
    await first.write("half of it, ");
    await untilAcknowledged(first, session, 12);

    gone.abort();
    const isInterrupted = await plain.until((event) => event.type === "message_updated");
    const second = session.write(header);
    const { offset } = await second.opened;
    await second.write("and the rest");
    const message = await second.finish();
    const last = await appendLast(session);

    await expect(first.finish()).rejects.toMatchObject({ code: "cancelled" });
    expect(isInterrupted).toMatchObject({
      message: { status: "interrupted", content: "half of it, ", version: 1 },
    });
    expect(offset).toBe(12);
    expect(message.content).toBe("half of it, and the rest");
    for (const oracle of [growing, plain]) {
      await oracle.settled(last);
      const statuses = oracle.events.flatMap((event) =>
        event.type === "message_updated" ? [event.message.status] : [],
      );
      expect(statuses).toEqual(["interrupted", "streaming", "complete"]);
      await oracle.check();
    }
  });

  it("stays its writer's as long as that one is there", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const writer = session.write({ role: "assistant" });
    await writer.opened;
    const asked = performance.now();

    // For three leases, in which nothing is written.
    while (performance.now() - asked < 3 * LEASE_MS) {
      expect((await session.getMessage(writer.id)).status).toBe("streaming");
    }

    await writer.write("text");
    expect(await writer.finish()).toMatchObject({ content: "text", status: "complete" });
    expect((await session.refresh()).revision).toBe(3);
  });

  it("is interrupted at once when the writer says so", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const oracle = watch(session);

    await (async () => {
      await using writer = session.write({ role: "assistant" });
      await writer.write("half");
    })();

    const event = await oracle.until(({ type }) => type === "message_updated");
    expect(event).toMatchObject({ message: { status: "interrupted", content: "half" } });
    await oracle.settled(await appendLast(session));
    await oracle.check();
  });
});
