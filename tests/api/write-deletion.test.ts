import type { Session } from "@mofa-state/client";
import { expect, it } from "vitest";
import { describeDatabases } from "../support/databases.js";
import { watch } from "../support/stream-oracle.js";
import { shareServer } from "./shared-server.js";

describeDatabases("the writer of a message that is gone", (database) => {
  const server = shareServer(database, { writeCheckpointMs: 20, writeLeaseMs: 300 });

  const ends: Readonly<Record<string, (session: Session, id: string) => Promise<unknown>>> = {
    MESSAGE_DELETED: (session, id) => session.deleteMessage(id),
    SESSION_DELETED: (session) => session.delete(),
  };

  it.each(Object.entries(ends))("is told %s", async (reason, end) => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const writer = session.write({ role: "assistant" });
    await writer.write("text");
    await writer.opened;

    await end(session, writer.id);

    await writer.write("more").catch(() => undefined);
    await expect(writer.finish()).rejects.toMatchObject({ code: "not_found", reason });
  });

  it("is told so where it was cleared, and its followers are, too", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const oracle = watch(session, { deltas: true });
    const writer = session.write({ role: "assistant" });
    await writer.write("text");
    await oracle.untilHeld(({ messages }) => messages.get(1)?.content === "text");

    expect(await session.clear()).toBe(1);

    const gone = { code: "not_found", reason: "MESSAGE_DELETED" };
    await expect(writer.finish()).rejects.toMatchObject(gone);
    await oracle.settled((await session.append({ role: "system" })).headSequence);
    expect([...oracle.replica.messages.keys()]).toEqual([2]);
    await oracle.check();
  });
});
