import { expect, it } from "vitest";
import type { StatePayload } from "../../../server/src/domain/model.js";
import { appendOf, createSession, newMessage, newState, WIDE } from "./samples.js";
import { KEEP_VERSIONS, type StorageSuite } from "./storage-suite.js";

const STATE_NOT_FOUND = { code: "not_found", reason: "STATE_NOT_FOUND" };

/** Tests AgentStateStorage.put, get and delete. */
export function testAgentStates(suite: StorageSuite): void {
  it("puts version after version of each key, and gives each of them", async () => {
    const { agentStates, sessions } = suite.storage;
    const ref = await createSession(suite.storage);
    const payloads = [1, 2].map((step) => ({ json: `{"step":${step}}`, mediaType: "" as const }));

    const first = await agentStates.put(ref, newState({ key: "k", payload: payloads[0] }));
    const second = await agentStates.put(ref, newState({ key: "k", payload: payloads[1] }));
    const other = await agentStates.put(ref, newState({ key: "other" }));

    expect(first).toMatchObject({ key: "k", version: 1, revision: 2, payload: payloads[0] });
    expect(second).toMatchObject({ key: "k", version: 2, revision: 3, payload: payloads[1] });
    expect(other).toMatchObject({ key: "other", version: 1, revision: 4 });
    expect(await agentStates.get(ref, "k", undefined)).toEqual(second);
    expect(await agentStates.get(ref, "k", 1)).toEqual(first);
    expect(await agentStates.get(ref, "k", 2)).toEqual(second);
    expect(await sessions.get(ref)).toMatchObject({ headSequence: 0, revision: 4, version: 1 });
  });

  it("tells keys apart byte for byte", async () => {
    const { agentStates } = suite.storage;
    const ref = await createSession(suite.storage);
    const keys = ["", " ", "a", "A", "a ", "\u00e4", "a\u0308", "😀", "😁", "ß", "ss", "'\"\\"];
    for (const key of keys) {
      const payload = { json: JSON.stringify(key), mediaType: "" } as const;
      await agentStates.put(ref, newState({ key, payload }));
    }

    const states = await Promise.all(keys.map((key) => agentStates.get(ref, key, undefined)));

    expect(states.map(({ key }) => key)).toEqual(keys);
    expect(states.map(({ payload }) => JSON.parse(payload.json ?? ""))).toEqual(keys);
    expect(states.every(({ version }) => version === 1)).toBe(true);
  });

  it("gives back JSON and bytes exactly as they came", async () => {
    const { agentStates } = suite.storage;
    const ref = await createSession(suite.storage);
    const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const payloads: readonly StatePayload[] = [
      { json: '{ "b":1.50,\n"a":[null,true,{"n":[]}] }', mediaType: "" },
      { json: "null", mediaType: "" },
      { json: JSON.stringify(`😀 ${"x".repeat(200_000)}`), mediaType: "" },
      { data: everyByte, mediaType: "application/octet-stream" },
      { data: Buffer.alloc(0), mediaType: "" },
      { data: Buffer.from([0xfe]), mediaType: 'a/b; c="😀"' },
    ];
    for (const [index, payload] of payloads.entries()) {
      await agentStates.put(ref, newState({ key: String(index), payload }));
    }

    for (const [index, payload] of payloads.entries()) {
      const state = await agentStates.get(ref, String(index), undefined);
      expect(state.payload).toEqual(payload);
    }
  });

  it("keeps a state of megabytes", async () => {
    const ref = await createSession(suite.storage);
    const data = Buffer.alloc(2_000_000, "a\u0000\u00ff");

    await suite.storage.agentStates.put(ref, newState({ payload: { data, mediaType: "" } }));

    const { payload } = await suite.storage.agentStates.get(ref, "", undefined);
    // A matcher would take long over so many bytes.
    expect(data.equals(payload.data ?? Buffer.alloc(0))).toBe(true);
  });

  it("puts at the expected version alone", async () => {
    const { agentStates, sessions } = suite.storage;
    const ref = await createSession(suite.storage);
    const at = (expectedVersion: number) =>
      agentStates.put(ref, newState({ key: "k", expectedVersion }));
    await at(0);
    await at(1);

    for (const expected of [0, 1, 3]) {
      await expect(at(expected)).rejects.toMatchObject({
        code: "aborted",
        reason: "VERSION_CONFLICT",
        metadata: { expected: String(expected), actual: "2" },
      });
    }
    expect(await agentStates.get(ref, "k", undefined)).toMatchObject({ version: 2 });
    expect(await sessions.get(ref)).toMatchObject({ revision: 3 });
  });

  it("lets one of the puts through that expect the same version at once", async () => {
    const { agentStates } = suite.storage;
    const ref = await createSession(suite.storage);

    const outcomes = await Promise.allSettled(
      Array.from({ length: 6 }, () => agentStates.put(ref, newState({ expectedVersion: 0 }))),
    );

    const refused = outcomes.filter(({ status }) => status === "rejected");
    expect(refused).toHaveLength(5);
    for (const outcome of refused) {
      expect(outcome).toMatchObject({ reason: { reason: "VERSION_CONFLICT" } });
    }
  });

  it("gives the first answer again to a put that is repeated", async () => {
    const { agentStates } = suite.storage;
    const ref = await createSession(suite.storage);
    const state = newState({ key: "k", expectedVersion: 0 });
    const first = await agentStates.put(ref, state);
    await agentStates.put(ref, newState({ key: "k" }));

    expect(await agentStates.put(ref, state)).toEqual(first);
    expect(await agentStates.get(ref, "k", undefined)).toMatchObject({ version: 2 });
  });

  it("deletes all versions of a key, and never uses one again", async () => {
    const { agentStates, sessions } = suite.storage;
    const ref = await createSession(suite.storage);
    for (const key of ["k", "k", "other"]) await agentStates.put(ref, newState({ key }));

    await agentStates.delete(ref, "k", 2);

    for (const version of [undefined, 1, 2]) {
      await expect(agentStates.get(ref, "k", version)).rejects.toMatchObject(STATE_NOT_FOUND);
    }
    expect(await sessions.get(ref)).toMatchObject({ revision: 5 });
    const next = await agentStates.put(ref, newState({ key: "k", expectedVersion: 0 }));
    expect(next).toMatchObject({ version: 3, revision: 6 });
    await expect(agentStates.get(ref, "k", 2)).rejects.toMatchObject(STATE_NOT_FOUND);
    expect(await agentStates.get(ref, "other", undefined)).toMatchObject({ version: 1 });
  });

  it("refuses to delete another version than the expected one, or what is not there", async () => {
    const { agentStates, sessions } = suite.storage;
    const ref = await createSession(suite.storage);
    await agentStates.put(ref, newState({ key: "k" }));
    const before = await sessions.get(ref);

    await expect(agentStates.delete(ref, "k", 2)).rejects.toMatchObject({
      code: "aborted",
      reason: "VERSION_CONFLICT",
      metadata: { expected: "2", actual: "1" },
    });
    const unknown = agentStates.delete(ref, "K", undefined);
    await expect(unknown).rejects.toMatchObject(STATE_NOT_FOUND);

    expect(await sessions.get(ref)).toEqual(before);
    await agentStates.delete(ref, "k", undefined);
    const again = agentStates.delete(ref, "k", undefined);
    await expect(again).rejects.toMatchObject(STATE_NOT_FOUND);
  });

  it("finds neither an unknown key nor a version that was never put", async () => {
    const { agentStates } = suite.storage;
    const ref = await createSession(suite.storage);
    await agentStates.put(ref, newState({ key: "k" }));

    for (const [key, version] of [
      ["x", undefined],
      ["k", 2],
      ["k", 0],
      ["", 1],
    ] as const) {
      await expect(agentStates.get(ref, key, version)).rejects.toMatchObject(STATE_NOT_FOUND);
    }
  });

  it("keeps the newest versions of each key alone", async () => {
    const { agentStates } = suite.storage;
    const ref = await createSession(suite.storage);
    await agentStates.put(ref, newState({ key: "other" }));
    for (let version = 1; version <= KEEP_VERSIONS + 2; version++) {
      await agentStates.put(ref, newState({ key: "k" }));
    }

    await expect(agentStates.get(ref, "k", 2)).rejects.toMatchObject(STATE_NOT_FOUND);
    for (let version = 3; version <= KEEP_VERSIONS + 2; version++) {
      expect(await agentStates.get(ref, "k", version)).toMatchObject({ version });
    }
    expect(await agentStates.get(ref, "other", 1)).toMatchObject({ version: 1 });
  });

  it("knows a repeated put whose version is kept no longer, alone and in an append", async () => {
    const { agentStates, messages } = suite.storage;
    const ref = await createSession(suite.storage);
    const alone = newState({ key: "k" });
    const together = { ...appendOf(newMessage()), agentStates: [newState({ key: "k" })] };
    const put = await agentStates.put(ref, alone);
    const appended = await messages.append(ref, together);
    for (let others = 1; others <= KEEP_VERSIONS; others++) {
      await agentStates.put(ref, newState({ key: "k" }));
    }
    const { revision } = await suite.storage.sessions.get(ref);

    expect(await agentStates.put(ref, alone)).toMatchObject({ ...put, bytes: 0 });
    const repeated = await messages.append(ref, together);
    const [state] = appended.agentStates;
    expect(repeated.agentStates).toMatchObject([{ ...state, bytes: 0 }]);
    expect((await suite.storage.sessions.get(ref)).revision).toBe(revision);
    expect(await agentStates.get(ref, "k", undefined)).toMatchObject({
      version: KEEP_VERSIONS + 2,
    });
    const page = await agentStates.list(ref, "k", undefined, WIDE);
    expect(page.items.map(({ version }) => version)).toEqual([6, 5, 4, 3]);
  });

  it("goes on counting where the tombstones of deleted versions are dropped", async () => {
    const { agentStates, messages } = suite.storage;
    const ref = await createSession(suite.storage);
    for (let round = 1; round <= KEEP_VERSIONS + 2; round++) {
      const put = await agentStates.put(ref, newState({ key: "k", expectedVersion: 0 }));
      expect(put.version).toBe(round);
      await agentStates.delete(ref, "k", round);
    }

    const append = { ...appendOf(newMessage()), agentStates: [newState({ key: "k" })] };
    const appended = await messages.append(ref, append);
    expect(appended.agentStates).toMatchObject([{ version: KEEP_VERSIONS + 3 }]);
  });
}
