import { expect, it } from "vitest";
import { streamHistory } from "../../server/src/domain/history.js";
import { describeDatabases } from "../support/databases.js";
import { appendOf, createSession, newMessages } from "./contract/samples.js";
import { openForTest } from "./contract/storage-suite.js";
import { historiesOf } from "./counted-histories.js";

const LENGTH = 300;

describeDatabases("a history that is streamed from the database", (database) => {
  it.each([
    { frames: 1, read: 16 },
    { frames: 3, read: 48 },
  ])("is read no further than a reader comes who leaves after $frames frames", async (reader) => {
    const storage = await openForTest(await database.create());
    const { histories, takeCount } = historiesOf(storage, 0);
    const ref = await createSession(storage);
    const contents = Array.from({ length: LENGTH }, (_, index) => `${index}`);
    await storage.messages.append(ref, appendOf(...newMessages(contents)));
    const { signal } = new AbortController();
    const frames = streamHistory(
      histories,
      { tenantId: ref.tenantId, signal },
      {
        sessionId: ref.sessionId,
        start: { from: "beginning" },
        follow: false,
        includeDeltas: false,
        frameMaxMessages: 0,
      },
    );

    for (let frame = 1; frame <= reader.frames; frame++) await frames.next();
    await frames.return();

    expect(takeCount()).toBe(reader.read);
  });
});
