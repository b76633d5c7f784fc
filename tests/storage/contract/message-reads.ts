import { expect, it } from "vitest";
import type { Message, Role } from "../../../server/src/domain/model.js";
import type { MessageRange, PageBounds, SessionRef } from "../../../server/src/domain/storage.js";
import { newUuid } from "../../../server/src/domain/uuid.js";
import { appendOf, createSession, EVERYTHING, newMessage, newMessages, WIDE } from "./samples.js";
import type { StorageSuite } from "./storage-suite.js";

const DESCENDING: MessageRange = { ...EVERYTHING, order: "descending" };

/** Tests MessageStorage.get, read and sequenceBeforeLast. */
export function testMessageReads(suite: StorageSuite): void {
  /** Appends messages with these contents to a new session. */
  async function write(contents: readonly string[], roles: readonly Role[] = []) {
    const ref = await createSession(suite.storage);
    const messages = contents.map((content, index) =>
      newMessage({ content, role: roles[index] ?? "user" }),
    );
    const appended = await suite.storage.messages.append(ref, appendOf(...messages));
    return { ref, messages: appended.messages };
  }

  async function sequences(
    ref: SessionRef,
    range: Partial<MessageRange>,
    bounds: PageBounds = WIDE,
  ): Promise<readonly number[]> {
    const page = await suite.storage.messages.read(ref, { ...EVERYTHING, ...range }, bounds);
    return page.items.map(({ sequence }) => sequence);
  }

  /** Reads a range page by page. */
  async function walk(ref: SessionRef, range: MessageRange, bounds: PageBounds) {
    const pages: (readonly Message[])[] = [];
    let rest = range;
    for (let hasMore = true; hasMore; ) {
      const page = await suite.storage.messages.read(ref, rest, bounds);
      pages.push(page.items);
      const last = page.items.at(-1)?.sequence ?? 0;
      rest =
        range.order === "ascending"
          ? { ...rest, afterSequence: last }
          : { ...rest, upToSequence: last - 1 };
      hasMore = page.hasMore;
    }
    return pages;
  }

  it("reads from after a sequence up to and with another, in both orders", async () => {
    const { ref } = await write(["1", "2", "3", "4", "5"]);
    const range = { afterSequence: 1, upToSequence: 4 };

    expect(await sequences(ref, range)).toEqual([2, 3, 4]);
    expect(await sequences(ref, { ...range, order: "descending" })).toEqual([4, 3, 2]);
    expect(await sequences(ref, { afterSequence: 5 })).toEqual([]);
    expect(await sequences(ref, { afterSequence: 3, upToSequence: 3 })).toEqual([]);
  });

  it("reads the roles that are asked for, all where none is", async () => {
    const roles = ["system", "user", "assistant", "tool", "user"] as const;
    const { ref } = await write(["1", "2", "3", "4", "5"], roles);

    expect(await sequences(ref, { roles: ["user"] })).toEqual([2, 5]);
    expect(await sequences(ref, { roles: ["tool", "system"] })).toEqual([1, 4]);
    expect(await sequences(ref, { roles: ["user"], order: "descending" })).toEqual([5, 2]);
    expect(await sequences(ref, { roles: undefined })).toEqual([1, 2, 3, 4, 5]);
  });

  for (const range of [EVERYTHING, DESCENDING]) {
    it(`ends a page at its number of items, ${range.order}`, async () => {
      const { ref, messages } = await write(["1", "2", "3", "4", "5", "6", "7"]);

      const pages = await walk(ref, range, { ...WIDE, maxItems: 3 });

      expect(pages.map(({ length }) => length)).toEqual([3, 3, 1]);
      const expected = range.order === "ascending" ? messages : [...messages].reverse();
      expect(pages.flat()).toEqual(expected);
    });

    it(`ends a page before its bytes are passed, ${range.order}`, async () => {
      const weights = [10, 3_000, 10, 10, 9_000, 10, 2_000, 2_000, 10, 5_000];
      const roles = weights.map((_, index): Role => (index === 2 ? "tool" : "user"));
      const { ref, messages } = await write(
        weights.map((weight) => "x".repeat(weight)),
        roles,
      );
      const maxBytes = 4_500;

      const pages = await walk(ref, { ...range, roles: ["user"] }, { ...WIDE, maxBytes });

      const users = messages.filter(({ role }) => role === "user");
      const expected = range.order === "ascending" ? users : [...users].reverse();
      expect(pages.flat()).toEqual(expected);
      const packed: Message[][] = [[]];
      for (const message of expected) {
        const page = packed.at(-1) ?? [];
        const bytes = page.reduce((sum, each) => sum + each.bytes, message.bytes);
        if (page.length > 0 && bytes > maxBytes) packed.push([message]);
        else page.push(message);
      }
      expect(pages).toEqual(packed);
    });
  }

  it("fills a page to the last byte", async () => {
    const { ref, messages } = await write(["a", "bb", "ccc"]);
    const maxBytes = messages.reduce((sum, { bytes }) => sum + bytes, 0);

    const all = await suite.storage.messages.read(ref, EVERYTHING, { ...WIDE, maxBytes });
    const fewer = { ...WIDE, maxBytes: maxBytes - 1 };
    const first = await suite.storage.messages.read(ref, EVERYTHING, fewer);

    expect(all).toEqual({ items: messages, hasMore: false });
    expect(first).toEqual({ items: messages.slice(0, 2), hasMore: true });
  });

  it("knows that nothing follows a page that all fit exactly", async () => {
    const { ref, messages } = await write(["1", "2", "3"]);
    const bounds = { ...WIDE, maxItems: 3 };

    expect(await suite.storage.messages.read(ref, EVERYTHING, bounds)).toEqual({
      items: messages,
      hasMore: false,
    });
    const tight = { maxItems: 3, maxBytes: 1_000 };
    expect(await suite.storage.messages.read(ref, DESCENDING, tight)).toEqual({
      items: [...messages].reverse(),
      hasMore: false,
    });
  });

  it("gives an empty page of a session without messages", async () => {
    const ref = await createSession(suite.storage);

    for (const range of [EVERYTHING, DESCENDING]) {
      const page = await suite.storage.messages.read(ref, range, { maxItems: 1, maxBytes: 1 });
      expect(page).toEqual({ items: [], hasMore: false });
    }
  });

  it("leaves out what was deleted, and does not say that it follows", async () => {
    const { ref, messages } = await write(["1", "2", "3", "4"]);
    const [, second, , fourth] = messages;
    await suite.storage.messages.delete(ref, second?.id ?? "");
    await suite.storage.messages.delete(ref, fourth?.id ?? "");

    for (const maxBytes of [1_000, WIDE.maxBytes]) {
      const page = await suite.storage.messages.read(ref, EVERYTHING, { maxItems: 2, maxBytes });
      expect(page).toEqual({ items: [messages[0], messages[2]], hasMore: false });
    }
  });

  it("measures an edited message by what it weighs now", async () => {
    const { ref, messages } = await write(["1", "2", "3"]);
    await suite.storage.messages.update(
      ref,
      messages[1]?.id ?? "",
      { content: "x".repeat(50_000) },
      undefined,
    );

    const pages = await walk(ref, EVERYTHING, { ...WIDE, maxBytes: 10_000 });

    expect(pages.map((page) => page.map(({ sequence }) => sequence))).toEqual([[1], [2], [3]]);
  });

  it("tells after which sequence the newest messages lie", async () => {
    const { ref, messages } = await write(["1", "2", "3", "4", "5"]);
    const before = (count: number, upTo = 5) =>
      suite.storage.messages.sequenceBeforeLast(ref, count, upTo);
    expect([await before(0), await before(2), await before(4)]).toEqual([5, 3, 1]);
    expect([await before(5), await before(6), await before(1_000_000)]).toEqual([0, 0, 0]);
    expect([await before(1, 4), await before(2, 4), await before(4, 4)]).toEqual([3, 2, 0]);

    await suite.storage.messages.delete(ref, messages[3]?.id ?? "");

    expect([await before(1), await before(2), await before(4)]).toEqual([3, 2, 0]);
    expect(await sequences(ref, { afterSequence: await before(2) })).toEqual([3, 5]);
  });

  it("finds a message by its id in its session alone", async () => {
    const { ref, messages } = await write(["1"]);
    const [message] = messages;
    const other = await createSession(suite.storage, { tenantId: ref.tenantId });
    await suite.storage.messages.append(other, appendOf(...newMessages(["2"])));
    const missing = { code: "not_found", reason: "MESSAGE_NOT_FOUND" };

    expect(await suite.storage.messages.get(ref, message?.id ?? "")).toEqual(message);
    const elsewhere = suite.storage.messages.get(other, message?.id ?? "");
    await expect(elsewhere).rejects.toMatchObject(missing);
    await expect(suite.storage.messages.get(ref, newUuid())).rejects.toMatchObject(missing);
  });
}
