import type { JsonValue, NewMessage, Part } from "@mofa-state/client";
import fc from "fast-check";
import { expect, it } from "vitest";
import { collect } from "../support/collect.js";
import { describeDatabases } from "../support/databases.js";
import { expectRefusal } from "./refusal.js";
import { shareServer } from "./shared-server.js";

const MIB = 1024 * 1024;

/** Texts that databases, drivers or languages are known to change or to take for others. */
const TEXTS = [
  "",
  " ",
  "trailing space ",
  "\ttab\r\nline\u2028separator\u0085",
  "Hello 👋🏽 👨‍👩‍👧‍👦 𝒳 🇺🇳",
  "שלום עולם \u202Eمرحبا بالعالم\u202C",
  "\u00E9 and e\u0301",
  "% _ ' \" ` \\ \\0 \\' -- ; $(x) ? :x $1 @x {} <b> &amp; \u0001\u007F\uFEFF\uFFFD\uFFFF",
  "null",
  "\uFEFFbyte order mark",
  "𐀀\u{10FFFF}",
];

const NESTED: JsonValue = {
  "": null,
  nested: { list: [1, -0.5, 1e300, true, false, null, "v", [], {}, [[["deep"]]]] },
  "key with \" and ' and \\ and 👋": "שלום",
  a: 1,
  A: 2,
  "a ": 3,
};

const PARTS: readonly Part[] = [
  { type: "reasoning", text: "thought 💭 ", signature: "sig=" },
  { type: "tool_call", id: "call-1", name: "search", arguments: NESTED },
  { type: "tool_call", id: "call-2", name: "now" },
  { type: "tool_result", callId: "call-1", text: "failed: ' \" %", isError: true },
  { type: "tool_result", callId: "call-2", text: "", isError: false },
  { type: "file", uri: "https://example.org/a?b=ü", mediaType: "image/png", name: "ü.png" },
  { type: "file", data: new Uint8Array([0, 1, 127, 128, 255]), mediaType: "x/y" },
  { type: "file", data: new Uint8Array() },
  { type: "data", data: NESTED },
  { type: "data", data: null },
  { type: "data", data: "text" },
  { type: "data", data: 9007199254740991 },
];

/** JSON values as they are after writing and parsing, which makes -0 of them 0. */
const jsonValues = fc
  .jsonValue({ maxDepth: 5, stringUnit: "grapheme" })
  .map((value): JsonValue => JSON.parse(JSON.stringify(value)))
  .filter((value) => !JSON.stringify(value).includes("__proto__"));

/** Gives JSON that is nested to a level. */
function nest(levels: number): JsonValue {
  let value: JsonValue = [];
  for (let level = 1; level < levels; level += 1) value = level % 2 === 0 ? [value] : { v: value };
  return value;
}

describeDatabases("content", (database) => {
  const server = shareServer(database);

  it("of every kind reads back as it was sent", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const message: NewMessage = {
      role: "assistant",
      content: "text",
      parts: PARTS,
      metadata: { extra: NESTED, unknown: "kept" },
      raw: { data: new Uint8Array(256).map((_, byte) => byte), mediaType: "application/x-own" },
      pinned: true,
      tokenCount: 2_147_483_647,
    };

    const { messages } = await session.append(message);

    expect(messages[0]).toMatchObject(message);
    expect(messages[0]?.parts).toEqual(PARTS);
    expect(messages[0]?.metadata).toEqual(message.metadata);
    expect((await session.listMessagesPage()).messages).toEqual(messages);
    expect(await collect(session.messages())).toEqual(messages);
  });

  it("of any text reads back byte for byte, wherever it stands", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const sent = TEXTS.map(
      (text): NewMessage => ({
        role: "tool",
        content: text,
        parts: [{ type: "tool_result", callId: text || "-", text, isError: false }],
        metadata: { text, [text]: 1 },
      }),
    );

    await session.append(sent);

    const { messages } = await session.listMessagesPage();
    expect(messages).toHaveLength(TEXTS.length);
    for (const [index, message] of messages.entries()) {
      expect(message.content).toBe(TEXTS[index]);
      expect(message).toMatchObject(sent[index] ?? {});
      expect(Object.keys(message.metadata)).toHaveLength(TEXTS[index] === "text" ? 1 : 2);
    }
  });

  it.each(TEXTS)(
    "of a session and of a state's key is the text %j as it was sent",
    async (text) => {
      const state = await server.connect();
      const session = await state.sessions.create({ title: text, metadata: { [text]: text } });

      await session.state.put(text, { key: text });

      expect(await session.refresh()).toMatchObject({ title: text, metadata: { [text]: text } });
      expect(await session.state.get({ key: text })).toMatchObject({ key: text, state: text });
      expect((await session.state.listPage({ key: text })).agentStates).toHaveLength(1);
    },
  );

  it("of 1 MiB of text, and of more, reads back whole", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const texts = ["x".repeat(MIB), "👋".repeat(MIB / 4), "é".repeat(3 * MIB)];

    await session.append(texts.map((content) => ({ role: "user", content })));

    const contents = (await collect(session.messages())).map(({ content }) => content);
    expect(contents.map(({ length }) => length)).toEqual(texts.map(({ length }) => length));
    expect(contents.every((content, index) => content === texts[index])).toBe(true);
  });

  it("that is JSON reads back as an equal value", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();

    await fc.assert(
      fc.asyncProperty(fc.array(jsonValues, { minLength: 1, maxLength: 20 }), async (values) => {
        const { messages } = await session.append(
          values.map((value) => ({
            role: "tool",
            parts: [{ type: "data", data: value }],
            metadata: { value },
          })),
        );
        const { state: read } = await session.state.put(values);

        expect(messages.map(({ parts }) => parts)).toEqual(
          values.map((data) => [{ type: "data", data }]),
        );
        expect(messages.map(({ metadata }) => metadata)).toEqual(
          values.map((value) => ({ value })),
        );
        expect(read).toEqual(values);
      }),
      { numRuns: 15 },
    );
  });

  it("that is JSON may nest to 100 levels, and metadata to 32", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const [data, metadata] = [nest(100), { m: nest(31) }];

    const { messages } = await session.append({
      role: "tool",
      metadata,
      parts: [{ type: "data", data }],
    });
    await session.update({ metadata });
    await session.state.put(data);

    expect(messages[0]).toMatchObject({ metadata, parts: [{ data }] });
    expect((await session.listMessagesPage()).messages).toEqual(messages);
    expect((await session.refresh()).metadata).toEqual(metadata);
    expect((await session.state.get()).state).toEqual(data);
  });

  it("that has keys which are special in JavaScript reads back whole, or is refused", async () => {
    const state = await server.connect();
    const session = await state.sessions.create({ metadata: { constructor: 2, toString: null } });
    const text = '{"__proto__":{"a":1},"constructor":2,"toString":null}';
    const value: JsonValue = JSON.parse(text);

    const { messages } = await session.append({
      role: "tool",
      parts: [{ type: "data", data: value }],
    });

    expect(JSON.stringify(messages[0]?.parts)).toBe(`[{"type":"data","data":${text}}]`);
    expect(session.info.metadata).toEqual({ constructor: 2, toString: null });
    await expectRefusal(session, () => session.append({ role: "tool", metadata: { value } }), {
      code: "invalid_argument",
      reason: "INVALID_ARGUMENT",
    });
  });
});
