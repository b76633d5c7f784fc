import { expect, it } from "vitest";
import { collect } from "../support/collect.js";
import { describeDatabases } from "../support/databases.js";
import { startServerProcess } from "../support/server-process.js";
import { connectForTest } from "../support/test-server.js";
import { shareServer } from "./shared-server.js";

/** All 256 bytes, so that none is lost to a text encoding. */
const BYTES = Uint8Array.from({ length: 256 }, (_, index) => index);

const NESTED = {
  none: null,
  list: [null, [], {}, [1, [2, [3]]]],
  text: 'tab\t, quote ", \u00e9 and \u{1F600}',
  numbers: [0, -0.5, 1e300, 5e-324, Number.MAX_SAFE_INTEGER],
  "": { " ": false },
};

describeDatabases("agent state", (database) => {
  const server = shareServer(database);

  it("is numbered 1, 2, 3 by its puts, and keeps every version", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();

    const first = await session.state.put({ step: 3 });
    const second = await session.state.put({ step: 4 });

    expect([first.version, second.version]).toEqual([1, 2]);
    expect(await session.state.get()).toEqual(second);
    expect(await session.state.get({ version: 1 })).toEqual(first);
    expect(await collect(session.state.list())).toEqual([second, first]);
  });

  it("refuses a put whose expected version is stale, and says which is current", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    await session.state.put({ step: 3 }, { expectedVersion: 0 });
    const current = await session.state.put({ step: 4 }, { expectedVersion: 1 });

    const stale = session.state.put({ step: 5 }, { expectedVersion: 1 });

    await expect(stale).rejects.toMatchObject({
      code: "aborted",
      reason: "VERSION_CONFLICT",
      metadata: { expected: "1", actual: "2" },
    });
    await expect(session.state.put({}, { expectedVersion: 0 })).rejects.toMatchObject({
      reason: "VERSION_CONFLICT",
    });
    expect(await session.state.get()).toEqual(current);
  });

  it("lets one of many puts from one version win", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();

    const outcomes = await Promise.allSettled(
      [1, 2, 3, 4, 5, 6].map((step) => session.state.put({ step }, { expectedVersion: 0 })),
    );

    const winners = outcomes.flatMap((outcome) =>
      outcome.status === "fulfilled" ? [outcome.value] : [],
    );
    expect(winners).toHaveLength(1);
    expect(await collect(session.state.list())).toEqual(winners);
  });

  it("keeps nested JSON, nulls and bytes exactly", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();

    await session.state.put(NESTED, { key: "json" });
    await session.state.put(null, { key: "null" });
    await session.state.put(BYTES, { key: "bytes", mediaType: "application/x-test" });

    expect((await session.state.get({ key: "json" })).state).toEqual(NESTED);
    expect((await session.state.get({ key: "null" })).state).toBeNull();
    const { state: bytes, mediaType } = await session.state.get({ key: "bytes" });
    expect(bytes).toEqual(BYTES);
    expect(mediaType).toBe("application/x-test");
  });

  it("keeps its keys apart, byte for byte", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const keys = ["", "a", "A", "a ", "\u00e9", "e\u0301"];

    for (const key of keys) await session.state.put({ key }, { key });

    for (const key of keys) {
      const { state: stored, version } = await session.state.get({ key });
      expect({ stored, version }).toEqual({ stored: { key }, version: 1 });
    }
    expect(await collect(session.state.list({ key: "a" }))).toHaveLength(1);
  });

  it("goes on with its versions after it was deleted", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const { id } = await session.state.put({ step: 1 });
    await session.state.put({ step: 2 });

    await session.state.delete({ expectedVersion: 2 });

    const gone = { code: "not_found", reason: "STATE_NOT_FOUND" };
    await expect(session.state.get()).rejects.toMatchObject(gone);
    await expect(session.state.get({ version: 1 })).rejects.toMatchObject(gone);
    await expect(session.state.delete()).rejects.toMatchObject(gone);
    await expect(session.state.put({ step: 1 }, { id })).rejects.toMatchObject({
      code: "already_exists",
      reason: "STATE_DELETED",
    });
    const { version } = await session.state.put({ step: 3 }, { expectedVersion: 0 });
    expect(version).toBe(3);
    expect(await collect(session.state.list())).toHaveLength(1);
  });

  it("is stored with the messages of its append, or not at all", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const message = { role: "assistant", content: "step 1" } as const;
    const agentStates = [{ state: { step: 1 }, expectedVersion: 0 }];

    const appended = await session.append(message, { agentStates });

    expect(appended.agentStates).toMatchObject([{ version: 1, revision: appended.revision }]);
    await expect(session.append(message, { agentStates })).rejects.toMatchObject({
      code: "aborted",
      reason: "VERSION_CONFLICT",
    });
    const { headSequence, revision } = await session.refresh();
    expect({ headSequence, revision }).toEqual({ headSequence: 1, revision: appended.revision });
  });

  if (database.kind === "memory") return;

  it("is the last one acknowledged after the server was killed", async () => {
    const url = await database.create();
    const victim = await startServerProcess(url);
    const before = await connectForTest(victim.address);
    const session = await before.sessions.create();
    let acknowledged = 0;
    const puts = (async () => {
      for (let step = 1; ; step++) {
        await session.state.put({ step }, { timeoutMs: 1_000 });
        acknowledged = step;
        if (step === 5) victim.kill("SIGKILL");
      }
    })();
    await expect(puts).rejects.toMatchObject({ name: "StateError" });
    await victim.exited;

    const heir = await startServerProcess(url);
    const after = await (await connectForTest(heir.address)).sessions.get(session.id);

    const { state: latest, version } = await after.state.get();
    expect(latest).toEqual({ step: version });
    // The put that was under way when the server was killed may be there as well.
    expect(version - acknowledged).toBeOneOf([0, 1]);
  });
});
