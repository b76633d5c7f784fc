import { expect, it } from "vitest";
import type {
  JsonObject,
  JsonValue,
  MessageContent,
  Part,
} from "../../../server/src/domain/model.js";
import { appendOf, createSession, EVERYTHING, newMessage, newState, WIDE } from "./samples.js";
import type { StorageSuite } from "./storage-suite.js";

/** Texts that one database or another changes, cuts or refuses if it is set up badly. */
const TEXTS: Readonly<Record<string, string>> = {
  "an empty text": "",
  "spaces alone": "  ",
  "spaces and newlines around": " \n text\t\r\n ",
  "text of four bytes a character": "😀𝔘𠜎👩‍👩‍👧",
  "right-to-left text": "שלום مرحبا \u202eabc",
  "text that is not normalized": "\u00e4 a\u0308 \ufb01 \u1e9b\u0323",
  "control characters": "\u0001\u0008\u001f\u007f\u0085\ufeff\uffff",
  "what SQL and LIKE quote": "'; -- \" \\ \\' \\0 % _ ? $1 :a {}",
  "what arrays quote": '{"a\\\\","\\"b",NULL,{}}\\',
  "the word for nothing": "NULL",
  "a MiB of text": "0123456789abcdé😀".repeat(65_536),
};

/** JSON values at the edges of what JSON can say. */
const METADATA: JsonObject = {
  numbers: [0, -1, 0.1, 1e300, 5e-324, 2 ** 53 - 1, -(2 ** 53), 1.7976931348623157e308],
  words: [true, false, null, "", "null", "true", "1"],
  "": "an empty key",
  "__proto__ ": { constructor: "a key" },
  "emoji 😀": { ' "quoted\\ ': [[], {}, [[{}]]] },
  nested: nest(30),
};

const EVERY_BYTE = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));

const PARTS: readonly Part[] = [
  { type: "tool_call", id: "c1", name: "search", argumentsJson: '{"q": [1.0, {"a": null}]}' },
  { type: "tool_call", id: "c2", name: "none", argumentsJson: "" },
  { type: "tool_result", callId: "c1", text: "found 😀 ", isError: false },
  { type: "tool_result", callId: "c2", text: "", isError: true },
  { type: "reasoning", text: "because\n", signature: "c2ln" },
  { type: "file", uri: "https://example.com/a?b=ü", data: undefined, mediaType: "", name: "" },
  {
    type: "file",
    uri: undefined,
    data: Buffer.from([0, 1, 127, 128, 255]),
    mediaType: "image/png",
    name: "a b.png",
  },
  { type: "file", uri: undefined, data: Buffer.alloc(0), mediaType: "x/y", name: "empty" },
  { type: "data", json: JSON.stringify(nest(90)) },
];

function nest(levels: number): JsonValue {
  let value: JsonValue = "deep";
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

/** Gives what a client sets of a message, as far as it differs here. */
function givenOf({ content, parts, metadata, raw, pinned, tokenCount }: MessageContent) {
  return { content, parts, metadata, raw, pinned, tokenCount };
}

/** Tests that what is stored comes back as it was. */
export function testStoredValues(suite: StorageSuite): void {
  for (const [name, text] of Object.entries(TEXTS)) {
    it(`keeps ${name}`, async () => {
      const { sessions, messages, agentStates } = suite.storage;
      const metadata = { [text.slice(0, 100)]: text };
      const ref = await createSession(suite.storage, { title: text, metadata });
      const message = newMessage({ content: text, metadata });
      const payload = { json: JSON.stringify(text), mediaType: "" } as const;

      await messages.append(ref, { ...appendOf(message), agentStates: [newState({ payload })] });

      const session = await sessions.get(ref);
      expect(session.title === text).toBe(true);
      expect(session.metadata).toEqual(metadata);
      const stored = await messages.get(ref, message.id);
      expect(stored.content === text).toBe(true);
      expect(stored.metadata).toEqual(metadata);
      const state = await agentStates.get(ref, "", undefined);
      expect(state.payload).toEqual(payload);
    });
  }

  it("keeps all of these texts, and what is absent, beside each other, however they are stored", async () => {
    const ref = await createSession(suite.storage);
    const contents = Object.values(TEXTS);
    // The first append is to a session of which nothing is known.
    for (const pinned of [false, true]) {
      const messages = contents.map((content, index) =>
        newMessage({
          content,
          pinned,
          metadata: index % 2 === 0 ? {} : { [content.slice(0, 100)]: content },
          parts: index % 2 === 0 ? PARTS : [],
          raw: index % 3 === 0 ? { data: EVERY_BYTE, mediaType: content.slice(0, 50) } : undefined,
          tokenCount: index % 4 === 0 ? index : undefined,
        }),
      );

      const { headSequence } = await suite.storage.messages.append(ref, appendOf(...messages));

      const afterSequence = headSequence - messages.length;
      const range = { ...EVERYTHING, afterSequence };
      const { items } = await suite.storage.messages.read(ref, range, WIDE);
      expect(items.map(givenOf)).toEqual(messages.map(givenOf));
    }
  });

  it("keeps metadata as JSON values", async () => {
    const ref = await createSession(suite.storage, { metadata: METADATA });
    const message = newMessage({ metadata: METADATA });
    await suite.storage.messages.append(ref, appendOf(message));

    expect((await suite.storage.sessions.get(ref)).metadata).toEqual(METADATA);
    const stored = await suite.storage.messages.get(ref, message.id);
    expect(stored.metadata).toEqual(METADATA);
  });

  it("keeps parts of every kind, in their order", async () => {
    const ref = await createSession(suite.storage);
    const message = newMessage({ content: "", parts: PARTS });

    const { messages } = await suite.storage.messages.append(ref, appendOf(message));

    const stored = await suite.storage.messages.get(ref, message.id);
    expect(stored.parts).toEqual(PARTS);
    expect(messages).toEqual([stored]);
  });

  it("keeps raw bytes, and tells none from empty ones", async () => {
    const ref = await createSession(suite.storage);
    const raws = [
      undefined,
      { data: Buffer.alloc(0), mediaType: "" },
      { data: EVERY_BYTE, mediaType: "application/x; é" },
    ];
    const messages = raws.map((raw) => newMessage({ raw }));
    await suite.storage.messages.append(ref, appendOf(...messages));

    for (const [index, raw] of raws.entries()) {
      const stored = await suite.storage.messages.get(ref, messages[index]?.id ?? "");
      expect(stored.raw).toEqual(raw);
    }
  });

  it("keeps raw bytes of megabytes", async () => {
    const ref = await createSession(suite.storage);
    const data = Buffer.alloc(3_000_000, "a\u0000\u00ff");
    const message = newMessage({ raw: { data, mediaType: "a/b" } });

    await suite.storage.messages.append(ref, appendOf(message));

    const { raw } = await suite.storage.messages.get(ref, message.id);
    // A matcher would take long over so many bytes.
    expect(data.equals(raw?.data ?? Buffer.alloc(0))).toBe(true);
  });

  it("tells no token count from a count of 0", async () => {
    const ref = await createSession(suite.storage);
    const counts = [undefined, 0, 2 ** 31 - 1];
    const messages = counts.map((tokenCount) => newMessage({ tokenCount, pinned: true }));
    await suite.storage.messages.append(ref, appendOf(...messages));

    for (const [index, tokenCount] of counts.entries()) {
      const stored = await suite.storage.messages.get(ref, messages[index]?.id ?? "");
      expect(stored).toMatchObject({ tokenCount, pinned: true });
    }
  });
}
