import { describe, expect, it } from "vitest";
import { createLiveSession } from "./live-session.js";
import { begin, textIn, untilText } from "./pen.js";

describe("what was shown of a message that another writer goes on with", () => {
  it("is taken back where it was lost", async () => {
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

  it("is taken back too where the other writer is on another server", async () => {
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

  it("grows no more by a stream of the same writer that began before", async () => {
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

  it("is not shown at all to who begins to follow after the other one began elsewhere", async () => {
    const session = await createLiveSession();
    const [here, there] = [session.serve({ pollIntervalMs: 2 }), session.serve()];
    const { pen, write } = await begin(here, session);
    const { pen: next } = await begin(there, session, write);
    const reader = here.follow({ includeDeltas: true });
    await reader.until("caught_up");

    pen.write("a ghost's");
    next.write("neu für alle");
    await next.checkpoint();

    await untilText(reader, "neu für alle");
    expect(reader.frames.filter(({ type }) => type === "delta")).toHaveLength(1);
  });
});
