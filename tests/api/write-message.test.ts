import { randomUUID } from "node:crypto";
import type { Message, Part, Session } from "@mofa-state/client";
import { expect, it, vi } from "vitest";
import { describeDatabases } from "../support/databases.js";
import { watch } from "../support/stream-oracle.js";
import { shareServer } from "./shared-server.js";

const PIECES = ["Der Igel ", "träumt ", "von 🦔🦔 ", "und Äpfeln."];
const TEXT = PIECES.join("");
const BYTES = Buffer.byteLength(TEXT);

const CALL: Part = { type: "tool_call", id: "call", name: "look_up", arguments: { word: "Igel" } };
const DATA: Part = { type: "data", data: { found: true } };

async function appendLast(session: Session): Promise<number> {
  return (await session.append({ role: "system", content: "the end" })).headSequence;
}

function changesOf(messages: readonly Message[]): readonly unknown[] {
  return messages.map(({ status, content }) => [status, content]);
}

describeDatabases("a message that is written", (database) => {
  const server = shareServer(database, { writeCheckpointMs: 20 });

  it("grows for those who follow it, and comes to what finish says", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    await session.append({ role: "user", content: "What does it dream of?" });
    const oracle = watch(session, { deltas: true });
    await oracle.caughtUp();
    const writer = session.write({ role: "assistant", metadata: { model: "m" }, pinned: true });

    for (const [index, piece] of PIECES.entries()) {
      await writer.write(piece);
      const text = PIECES.slice(0, index + 1).join("");
      await oracle.untilHeld(({ messages }) => messages.get(2)?.content === text);
    }
    await writer.write(CALL);
    await oracle.untilHeld(({ messages }) => messages.get(2)?.parts.length === 1);
    const message = await writer.finish({ tokenCount: 12 });
    await oracle.settled(await appendLast(session));

    expect(message).toMatchObject({
      ...{ id: writer.id, sessionId: session.id, sequence: 2, role: "assistant", content: TEXT },
      ...{ parts: [CALL], metadata: { model: "m" }, pinned: true, status: "complete" },
      ...{ tokenCount: 12, version: 1, raw: undefined },
    });
    expect(await session.getMessage(writer.id)).toEqual(message);
    const types = oracle.events.map(({ type }) => type);
    expect(types.filter((type) => type === "message")).toHaveLength(3);
    expect(types.filter((type) => type === "message_updated")).toHaveLength(1);
    expect(types.filter((type) => type === "text_delta").length).toBeGreaterThanOrEqual(4);
    await oracle.check();
  });

  it("comes once, and then as one change, to those who want no deltas", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const oracle = watch(session);
    await oracle.caughtUp();
    const writer = session.write({ role: "assistant" });
    const { sequence } = await writer.opened;
    await oracle.settled(sequence);

    for (const piece of PIECES) await writer.write(piece);
    await writer.finish();
    await oracle.settled(await appendLast(session));

    const types = oracle.events.map(({ type }) => type);
    expect(types).toEqual(["message", "message_updated", "message"]);
    expect(oracle.events[0]).toMatchObject({ message: { status: "streaming", content: "" } });
    await oracle.check();
  });

  it("is there for one who comes in the middle of it", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const writer = session.write({ role: "assistant" });
    const early = watch(session, { deltas: true });
    await writer.write(TEXT);
    await early.untilHeld(({ messages }) => messages.get(1)?.content === TEXT);

    const late = watch(session, { deltas: true });
    const back = await early.resume();
    for (const oracle of [late, back]) {
      await oracle.untilHeld(({ messages }) => messages.get(1)?.content === TEXT);
    }
    await writer.write("The end.");
    await writer.finish();
    const last = await appendLast(session);

    for (const oracle of [late, back]) {
      await oracle.settled(last);
      expect(oracle.replica.messages.get(1)?.content).toBe(`${TEXT}The end.`);
      await oracle.check();
    }
  });

  it("is in the database as far as it is acknowledged", async () => {
    const tenantId = randomUUID();
    const [state, other] = [await server.connect({ tenantId }), await server.connect({ tenantId })];
    const session = await state.sessions.create();
    const elsewhere = await other.sessions.get(session.id);
    const oracle = watch(session, { deltas: true });
    const writer = session.write({ role: "assistant" });
    const { sequence, offset, partCount } = await writer.opened;
    expect([sequence, offset, partCount]).toEqual([1, 0, 0]);
    expect(await session.getMessage(writer.id)).toMatchObject({ content: "", status: "streaming" });

    let text = "";
    for (const piece of [...PIECES, "x".repeat(10_000)]) {
      text += piece;
      await writer.write(piece);
      await oracle.untilHeld(({ messages }) => messages.get(1)?.content === text);
      await vi.waitFor(() => expect(writer.acknowledged).toBeGreaterThan(0));
      const { acknowledged } = writer;
      const { content } = await elsewhere.getMessage(writer.id);
      expect(text.startsWith(content)).toBe(true);
      expect(Buffer.byteLength(content)).toBeGreaterThanOrEqual(acknowledged);
    }
    await writer.finish();
    expect(writer.acknowledged).toBe(BYTES + 10_000);
  });

  it("takes parts and a status at its end, and the token count of its header", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const writer = session.write({ role: "assistant", tokenCount: 7 });

    await writer.write(CALL);
    await writer.write("text");
    const message = await writer.finish({ parts: [DATA, CALL], status: "interrupted" });

    expect(message).toMatchObject({ content: "text", parts: [DATA, CALL], tokenCount: 7 });
    expect(message.status).toBe("interrupted");
    expect(await session.getMessage(message.id)).toEqual(message);
  });

  it("is empty if nothing is written", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();

    const message = await session.write({ role: "assistant" }).finish();

    expect(message).toMatchObject({ content: "", parts: [], status: "complete", sequence: 1 });
  });

  it("holds a long text as it was written", { timeout: 120_000 }, async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const oracle = watch(session, { deltas: true });
    const writer = session.write({ role: "assistant" });
    const words = Array.from({ length: 50_000 }, (_, index) => `wörd🦔 ${index} `);

    for (const word of words) await writer.write(word);
    const message = await writer.finish();
    await oracle.settled(await appendLast(session));

    expect(message.content).toBe(words.join(""));
    expect(oracle.replica.messages.get(1)).toEqual(message);
  });

  it("is stored in steps that grow with it", { timeout: 120_000 }, async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const length = 4 * 1024 * 1024;
    const writer = session.write({ role: "assistant" });

    await writer.write("x".repeat(length));
    const { revision } = await writer.finish();

    // Each step is a revision. Steps of the 16 KiB that come at once would be 256.
    expect(revision).toBeLessThan(128);
  });

  it("is answered as it is when its writing begins again after its end", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const header = { id: randomUUID(), role: "assistant", metadata: { model: "m" } } as const;
    const writer = session.write(header);
    await writer.write(TEXT);
    const message = await writer.finish();

    const { message: again } = await session.write(header).opened;
    const other = session.write({ ...header, role: "user" });

    expect(again).toEqual(message);
    await expect(other.opened).rejects.toMatchObject({
      code: "already_exists",
      reason: "ID_REUSED",
    });
    expect((await session.refresh()).revision).toBe(message.revision);
  });

  it("begins only at the head that was expected", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();

    const conflict = { code: "aborted", reason: "SEQUENCE_CONFLICT" };
    const late = session.write({ role: "assistant" }, { expectedHeadSequence: 1 });
    await expect(late.opened).rejects.toMatchObject(conflict);
    const writer = session.write({ role: "assistant" }, { expectedHeadSequence: 0 });
    await writer.opened;
    const second = session.write({ role: "assistant" }, { expectedHeadSequence: 0 });
    await expect(second.opened).rejects.toMatchObject(conflict);
    expect((await writer.finish()).sequence).toBe(1);
  });

  it("leaves appends beside it alone, which leave it alone", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const oracle = watch(session, { deltas: true });
    const writers = ["a", "b", "c"].map((name) => ({
      name,
      writer: session.write({ role: "assistant" }),
    }));

    const write = async ({ name, writer }: (typeof writers)[number]) => {
      for (let count = 0; count < 50; count++) await writer.write(`${name}${count} `);
      return writer.finish();
    };
    const append = async () => {
      for (let count = 0; count < 50; count++) await session.append({ role: "user" });
    };
    const [written] = await Promise.all([Promise.all(writers.map(write)), append()]);
    await oracle.settled(await appendLast(session));

    for (const [index, { content }] of written.entries()) {
      const name = writers[index]?.name;
      expect(content).toBe(Array.from({ length: 50 }, (_, count) => `${name}${count} `).join(""));
    }
    expect((await session.refresh()).messageCount).toBe(54);
    await oracle.check();
  });

  it("cannot be edited until it ends", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const writer = session.write({ role: "assistant" });
    await writer.opened;

    await expect(session.updateMessage(writer.id, { content: "edit" })).rejects.toMatchObject({
      code: "failed_precondition",
      reason: "MESSAGE_IN_PROGRESS",
    });
    await writer.finish();
    const edited = await session.updateMessage(writer.id, { content: "edit" });

    expect(changesOf([edited])).toEqual([["complete", "edit"]]);
  });
});
