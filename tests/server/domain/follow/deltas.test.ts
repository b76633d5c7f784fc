import { describe, expect, it } from "vitest";
import { announce } from "../../../../server/src/domain/follow/announced-storage.js";
import type { Part } from "../../../../server/src/domain/model.js";
import { KeptAnnouncements } from "../writing/kept-announcements.js";
import { createLiveSession, LiveServer } from "./live-session.js";
import { begin, untilText } from "./pen.js";
import { withChanges } from "./with-changes.js";

const PART: Part = { type: "data", json: "1" };

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
});
