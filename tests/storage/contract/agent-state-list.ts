import { expect, it } from "vitest";
import type { AgentState } from "../../../server/src/domain/model.js";
import type { PageBounds, SessionRef } from "../../../server/src/domain/storage.js";
import { appendOf, createSession, newState, WIDE } from "./samples.js";
import type { StorageSuite } from "./storage-suite.js";

/** Keys in the order of their bytes, which is that of no language and not of UTF-16. */
const KEYS_BY_BYTES = ["", "A", "Z", "_", "a", "a ", "b", "\u00e4", "\uff5e", "😀"];

/** Tests AgentStateStorage.list. */
export function testAgentStateList(suite: StorageSuite): void {
  async function walk(
    ref: SessionRef,
    key: string | undefined,
    bounds: PageBounds,
  ): Promise<readonly (readonly AgentState[])[]> {
    const pages: (readonly AgentState[])[] = [];
    let after: AgentState | undefined;
    for (let hasMore = true; hasMore; ) {
      const page = await suite.storage.agentStates.list(ref, key, after, bounds);
      pages.push(page.items);
      after = page.items.at(-1);
      hasMore = page.hasMore && after !== undefined;
    }
    return pages;
  }

  /** Puts one state after the other, one revision each. */
  async function putAll(ref: SessionRef, keys: readonly string[]): Promise<readonly AgentState[]> {
    const states: AgentState[] = [];
    for (const key of keys) {
      const payload = { json: `"${"x".repeat(1_000)}"`, mediaType: "" } as const;
      states.push(await suite.storage.agentStates.put(ref, newState({ key, payload })));
    }
    return states;
  }

  function names(states: readonly AgentState[]): readonly string[] {
    return states.map(({ key, version }) => `${key}@${version}`);
  }

  it("lists the versions of all keys, or of one, the newest first", async () => {
    const ref = await createSession(suite.storage);
    const states = await putAll(ref, ["a", "b", "a", "A", "a"]);

    const [all, some, none] = [
      await walk(ref, undefined, WIDE),
      await walk(ref, "a", WIDE),
      await walk(ref, "c", WIDE),
    ];

    expect(all).toEqual([[...states].reverse()]);
    expect(some.map(names)).toEqual([["a@3", "a@2", "a@1"]]);
    expect(none).toEqual([[]]);
  });

  it("lists the states of one revision by the bytes of their keys, then by version", async () => {
    const ref = await createSession(suite.storage);
    const shuffled = [...KEYS_BY_BYTES.slice(5), ...KEYS_BY_BYTES.slice(0, 5), "b"];
    const agentStates = shuffled.map((key) => newState({ key }));
    await suite.storage.messages.append(ref, { ...appendOf(), agentStates });
    const sorted = [...KEYS_BY_BYTES].reverse();
    const expected = sorted.flatMap((key) => (key === "b" ? ["b@2", "b@1"] : [`${key}@1`]));

    const one = await walk(ref, undefined, WIDE);
    const many = await walk(ref, undefined, { ...WIDE, maxItems: 1 });

    expect(one.map(names)).toEqual([expected]);
    expect(many.map(names)).toEqual(expected.map((name) => [name]));
  });

  it("ends a page at its number of items", async () => {
    const ref = await createSession(suite.storage);
    const states = await putAll(ref, ["a", "b", "c", "d", "e", "f"]);

    const pages = await walk(ref, undefined, { ...WIDE, maxItems: 4 });
    const exact = await walk(ref, undefined, { ...WIDE, maxItems: 6 });

    expect(pages.map(({ length }) => length)).toEqual([4, 2]);
    expect(pages.flat()).toEqual([...states].reverse());
    expect(exact).toHaveLength(1);
  });

  it("ends a page before its bytes are passed, with one state at least", async () => {
    const ref = await createSession(suite.storage);
    const states = await putAll(ref, ["a", "b", "c", "d", "e"]);

    const tight = await walk(ref, undefined, { ...WIDE, maxBytes: 1 });
    const loose = await walk(ref, undefined, { ...WIDE, maxBytes: 2_900 });

    expect(tight.map(({ length }) => length)).toEqual([1, 1, 1, 1, 1]);
    expect(loose.map(({ length }) => length)).toEqual([2, 2, 1]);
    expect(loose.flat()).toEqual([...states].reverse());
  });

  it("leaves out what was deleted", async () => {
    const ref = await createSession(suite.storage);
    await putAll(ref, ["a", "b", "a"]);
    await suite.storage.agentStates.delete(ref, "a", undefined);
    await putAll(ref, ["a"]);

    expect((await walk(ref, undefined, WIDE)).map(names)).toEqual([["a@3", "b@1"]]);
    expect((await walk(ref, "a", WIDE)).map(names)).toEqual([["a@3"]]);
  });

  it("gives an empty page of a session without states", async () => {
    const ref = await createSession(suite.storage);

    const page = await suite.storage.agentStates.list(ref, undefined, undefined, WIDE);

    expect(page).toEqual({ items: [], hasMore: false });
  });
}
