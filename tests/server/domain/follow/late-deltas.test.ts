import { describe, expect, it } from "vitest";
import { createLiveSession } from "./live-session.js";
import { begin, untilText } from "./pen.js";

describe("a message that is being written, for who comes late or falls behind", () => {
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
