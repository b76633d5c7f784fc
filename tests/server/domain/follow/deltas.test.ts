import { describe, expect, it } from "vitest";
import { announce } from "../../../../server/src/domain/follow/announced-storage.js";
import type { Message, Part } from "../../../../server/src/domain/model.js";
import type { WriteRef } from "../../../../server/src/domain/write-storage.js";
import { endOf, LONG_LEASE_MS, startWrite } from "../../../storage/contract/samples.js";
import { KeptAnnouncements } from "../writing/kept-announcements.js";
import type { FrameReader } from "./frame-reader.js";
import { createLiveSession, LiveServer, type LiveSession } from "./live-session.js";
import { withChanges } from "./with-changes.js";

const PART: Part = { type: "data", json: "1" };

/** Writes one message on a server, as the writer of its stream does. */
class Pen {
  readonly ref: WriteRef;
  readonly #server: LiveServer;
  #offset: number;
  #text = "";

  constructor(server: LiveServer, ref: WriteRef, offset: number) {
    this.#server = server;
    this.ref = ref;
    this.#offset = offset;
  }

  /** Shows text that is not durable yet. */
  write(text: string): void {
    const { messageId, sequence, epoch, sessionId } = this.ref;
    const delta = { messageId, sequence, epoch, offset: this.#offset, partIndex: 0, parts: [] };
    this.#server.feeds.written(sessionId, { ...delta, text });
    this.#offset += Buffer.byteLength(text);
    this.#text += text;
  }

  /** Makes the text durable, and says so. */
  async checkpoint(): Promise<void> {
    const written = { text: this.#text, parts: [] };
    this.#text = "";
    const offset = this.#offset;
    const { writes } = this.#server.storage;
    const revision = await writes.checkpoint(this.ref, written, LONG_LEASE_MS);
    const { sequence, sessionId } = this.ref;
    this.#server.feeds.checkpointed(sessionId, { revision, sequence, offset, partCount: 0 });
  }

  /** Ends the message with what is not durable yet. */
  async finish(): Promise<void> {
    await this.#server.storage.writes.finish(this.ref, endOf({ text: this.#text }));
  }
}

async function begin(
  server: LiveServer,
  session: LiveSession,
  message: Parameters<typeof startWrite>[2] = {},
): Promise<{ readonly pen: Pen; readonly write: Parameters<typeof startWrite>[2] }> {
  const { ref, started, write } = await startWrite(server.storage, session, message);
  return { pen: new Pen(server, ref, Buffer.byteLength(started.message.content)), write };
}

/** Applies frames as a client does, and gives the text of a message. */
function textIn(frames: FrameReader["frames"], sequence = 1): string {
  let bytes = Buffer.of();
  const take = (message: Message) => {
    if (message.sequence === sequence) bytes = Buffer.from(message.content);
  };
  for (const frame of frames) {
    if (frame.type === "messages") frame.messages.forEach(take);
    if (frame.type === "change" && frame.change.type === "message_updated") {
      take(frame.change.message);
    }
    if (frame.type !== "delta" || frame.delta.type !== "text") continue;
    if (frame.delta.sequence !== sequence) continue;
    expect(frame.delta.offset).toBeLessThanOrEqual(bytes.length);
    bytes = Buffer.concat([bytes.subarray(0, frame.delta.offset), Buffer.from(frame.delta.text)]);
  }
  return bytes.toString();
}

async function untilText(reader: FrameReader, text: string): Promise<void> {
  while (textIn(reader.frames) !== text) await reader.next();
}

describe("a message that is being written", () => {
  it("comes once in its place, then grows, and comes whole at its end", async () => {
    const session = await createLiveSession();
    const server = session.serve();
    const reader = server.follow({ includeDeltas: true });
    await reader.until("caught_up");

    const { pen } = await begin(server, session);
    pen.write("Hé");
    pen.write("llo");
    await pen.checkpoint();
    pen.write(" 🦦");
    const frames = [];
    for (let count = 0; count < 4; count += 1) frames.push(await reader.next());
    await pen.finish();
    frames.push(await reader.next());

    expect(frames).toMatchObject([
      { type: "messages", messages: [{ status: "streaming", content: "" }] },
      { type: "delta", delta: { offset: 0, text: "Hé" } },
      { type: "delta", delta: { offset: 3, text: "llo" } },
      { type: "delta", delta: { offset: 6, text: " 🦦" } },
      {
        type: "change",
        change: { type: "message_updated", message: { status: "complete", content: "Héllo 🦦" } },
      },
    ]);
  });

  it("comes with its parts", async () => {
    const session = await createLiveSession();
    const server = session.serve();
    const reader = server.follow({ includeDeltas: true });
    await reader.until("caught_up");
    const { pen } = await begin(server, session);
    await reader.next();

    const { messageId, sequence, epoch } = pen.ref;
    const delta = { messageId, sequence, epoch, offset: 0, text: "" };
    server.feeds.written(session.sessionId, { ...delta, partIndex: 0, parts: [PART, PART] });
    server.feeds.written(session.sessionId, { ...delta, partIndex: 2, parts: [PART] });
    const frames = [await reader.next(), await reader.next(), await reader.next()];

    const expected = [0, 1, 2].map((partIndex) => {
      return { type: "delta", delta: { type: "part", messageId, sequence, partIndex, part: PART } };
    });
    expect(frames).toMatchObject(expected);
  });

  it("does not grow for who did not ask for deltas", async () => {
    const session = await createLiveSession();
    const server = session.serve();
    const reader = server.follow();
    await reader.until("caught_up");

    const { pen } = await begin(server, session);
    const started = await reader.next();
    const next = reader.next();
    for (let count = 0; count < 300; count += 1) pen.write("x");
    await pen.finish();

    expect(started).toMatchObject({ messages: [{ status: "streaming" }] });
    // Though more went by than the ring holds, it is not behind.
    expect(await next).toMatchObject({ change: { message: { content: "x".repeat(300) } } });
    await server.append("next");
    expect(await reader.next()).toMatchObject({ type: "messages" });
  });

  it("comes with what is not durable yet to who begins to follow meanwhile", async () => {
    const session = await createLiveSession();
    const server = session.serve();
    await server.follow().until("caught_up");
    const { pen } = await begin(server, session);
    pen.write("durable, ");
    await pen.checkpoint();
    pen.write("shown, ");

    const readers = [1, 2, 3].map(() => server.follow({ includeDeltas: true }));
    for (const reader of readers) await reader.until("caught_up");
    pen.write("and ");
    await pen.checkpoint();
    const last = server.follow({ includeDeltas: true });
    await last.until("caught_up");
    pen.write("live");

    for (const reader of [...readers, last]) {
      await untilText(reader, "durable, shown, and live");
      expect(reader.frames.filter(({ type }) => type === "change")).toEqual([]);
    }
  });

  it("grows by its checkpoints where the writer is on another server", async () => {
    const session = await createLiveSession();
    const here = session.serve();
    const reader = session.serve({ pollIntervalMs: 2 }).follow({ includeDeltas: true });
    await reader.until("caught_up");

    const { pen } = await begin(here, session);
    await reader.next();
    pen.write("one");
    await pen.checkpoint();
    const first = await reader.next();
    pen.write("two");
    await pen.checkpoint();
    const second = await reader.next();

    expect(first).toMatchObject({ type: "delta", delta: { offset: 0, text: "one" } });
    expect(second).toMatchObject({ type: "delta", delta: { offset: 3, text: "two" } });
  });

  it("is not read again from its beginning for what another server adds", async () => {
    const session = await createLiveSession();
    const tails: string[] = [];
    const storage = announce(session.storage, new KeptAnnouncements());
    const counted = withChanges(storage, {
      async tail(...query) {
        const tail = await storage.changes.tail(...query);
        tails.push(tail?.text ?? "");
        return tail;
      },
    });
    const { pen } = await begin(session.serve(), session);
    await begin(session.serve(), session);
    const reader = new LiveServer(counted, session, { pollIntervalMs: 2 }).follow({
      includeDeltas: true,
    });
    await reader.until("caught_up");

    let text = "";
    for (const word of ["öne", "twö", "three"]) {
      pen.write(word);
      await pen.checkpoint();
      text += word;
      await untilText(reader, text);
    }

    expect(tails).toEqual(["öne", "twö", "three"]);
  });

  it("comes from the next checkpoint on where its writer began before anybody followed", async () => {
    const session = await createLiveSession();
    const server = session.serve();
    const { pen } = await begin(server, session);
    pen.write("unseen, ");
    const reader = server.follow({ includeDeltas: true });
    await reader.until("caught_up");

    pen.write("seen, ");
    await pen.checkpoint();
    await untilText(reader, "unseen, seen, ");
    pen.write("live");
    await untilText(reader, "unseen, seen, live");

    expect(reader.frames.filter(({ type }) => type === "delta")).toHaveLength(2);
  });

  it("takes back what was shown and lost when another writer goes on", async () => {
    const session = await createLiveSession();
    const server = session.serve();
    const reader = server.follow({ includeDeltas: true });
    await reader.until("caught_up");
    const { pen, write } = await begin(server, session);
    pen.write("kept, ");
    await pen.checkpoint();
    pen.write("lost for ever");
    await untilText(reader, "kept, lost for ever");

    const { pen: next } = await begin(server, session, write);
    await untilText(reader, "kept, ");
    next.write("new");
    await untilText(reader, "kept, new");
    const late = server.follow({ includeDeltas: true });
    await late.until("caught_up");

    await untilText(late, "kept, new");
    expect(reader.frames.filter(({ type }) => type === "change")).toHaveLength(1);
  });

  it("takes it back too where the other writer is on another server", async () => {
    const session = await createLiveSession();
    const [here, there] = [session.serve({ pollIntervalMs: 2 }), session.serve()];
    const reader = here.follow({ includeDeltas: true });
    await reader.until("caught_up");
    const { pen, write } = await begin(here, session);
    pen.write("kept, ");
    await pen.checkpoint();
    pen.write("lost for ever");
    await untilText(reader, "kept, lost for ever");

    const { pen: next } = await begin(there, session, write);
    await untilText(reader, "kept, ");
    // The first writer does not know yet that it is one no more.
    pen.write("a ghost's");
    next.write("new");
    await next.checkpoint();
    await untilText(reader, "kept, new");
    const late = here.follow({ includeDeltas: true });
    await late.until("caught_up");

    expect(textIn(late.frames)).toBe("kept, new");
  });

  it("takes nothing more from a stream of the same writer that began before", async () => {
    const session = await createLiveSession();
    const server = session.serve();
    const reader = server.follow({ includeDeltas: true });
    await reader.until("caught_up");
    const { pen, write } = await begin(server, session);

    const { pen: next } = await begin(server, session, write);
    pen.write("a ghost's");
    next.write("new");
    await untilText(reader, "new");
    const late = server.follow({ includeDeltas: true });
    await late.until("caught_up");

    await untilText(late, "new");
    expect(reader.frames.filter(({ type }) => type === "delta")).toHaveLength(1);
  });

  it("comes whole again to who resumes with deltas while it is written", async () => {
    const session = await createLiveSession();
    const server = session.serve();
    const reader = server.follow({ includeDeltas: true });
    await reader.until("caught_up");
    const { pen } = await begin(server, session);
    const { resumeToken } = await reader.next();
    pen.write("some ");
    await pen.checkpoint();
    pen.write("text");

    const start = { from: "resume_token", resumeToken } as const;
    const resumed = server.follow({ start, includeDeltas: true });
    const plain = server.follow({ start });
    const frames = await resumed.until("caught_up");
    await untilText(resumed, "some text");

    expect(frames).toMatchObject([
      { change: { type: "message_updated", message: { status: "streaming", content: "some " } } },
    ]);
    expect(await plain.until("caught_up")).toEqual([]);
  });

  it("is brought up to date for who fell behind", async () => {
    const session = await createLiveSession();
    const server = session.serve();
    const reader = server.follow({ includeDeltas: true });
    await reader.until("caught_up");
    const { pen } = await begin(server, session);
    await reader.next();

    for (let count = 0; count < 600; count += 1) {
      pen.write(`${count} `);
      if (count % 50 === 0) await pen.checkpoint();
    }
    await reader.until("caught_up");
    pen.write("live");

    const text = Array.from({ length: 600 }, (_, count) => `${count} `).join("");
    await untilText(reader, `${text}live`);
  });
});
