import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ApiCallContent } from "../../../server/src/domain/api-call.js";
import type { MessageContent, Part } from "../../../server/src/domain/model.js";
import {
  hashApiCall,
  hashMessage,
  hashSession,
  hashState,
} from "../../../server/src/domain/request-hash.js";
import { newApiCall } from "../../storage/contract/samples.js";

const EMPTY: MessageContent = {
  content: "",
  parts: [],
  metadata: {},
  raw: undefined,
  pinned: false,
  tokenCount: undefined,
};

function hashOf(content: Partial<MessageContent>, role: "user" | "tool" = "user"): string {
  return Buffer.from(hashMessage({ ...EMPTY, ...content }, role)).toString("hex");
}

function data(json: string): Partial<MessageContent> {
  return { parts: [{ type: "data", json }] };
}

const FILE = { type: "file", uri: undefined, mediaType: "", name: "" } as const;

/** Messages of which no two are the same request. */
const DIFFERENT: readonly Partial<MessageContent>[] = [
  {},
  { content: "a" },
  { content: "A" },
  { pinned: true },
  { tokenCount: 0 },
  { tokenCount: 1 },
  { metadata: { a: 1 } },
  { metadata: { a: "1" } },
  { metadata: { a: null } },
  { raw: { data: new Uint8Array(), mediaType: "" } },
  { raw: { data: new Uint8Array(), mediaType: "a" } },
  { raw: { data: new Uint8Array([0]), mediaType: "" } },
  { parts: [{ type: "reasoning", text: "", signature: "" }] },
  { parts: [{ type: "reasoning", text: "a", signature: "" }] },
  { parts: [{ type: "reasoning", text: "", signature: "a" }] },
  { parts: [{ ...FILE, data: new Uint8Array() }] },
  { parts: [{ ...FILE, data: undefined, uri: "u" }] },
  data("1"),
  data('"1"'),
  data("null"),
  data("[1]"),
  { parts: [{ type: "tool_call", id: "a", name: "b", argumentsJson: "" }] },
  { parts: [{ type: "tool_call", id: "a", name: "b", argumentsJson: "null" }] },
  { parts: [{ type: "tool_call", id: "a", name: "b", argumentsJson: '""' }] },
  { parts: [{ type: "tool_result", callId: "a", text: "", isError: false }] },
  { parts: [{ type: "tool_result", callId: "a", text: "", isError: true }] },
];

describe("the hash of a message", () => {
  it("is another one for each difference that a client can make", () => {
    const hashes = [...DIFFERENT.map((content) => hashOf(content)), hashOf({}, "tool")];

    expect(new Set(hashes).size).toBe(DIFFERENT.length + 1);
  });

  it("is the SHA-256 of the canonical JSON of what is not empty", () => {
    const fields = fc.record({
      content: fc.string({ unit: "binary" }),
      pinned: fc.boolean(),
      role: fc.constantFrom("user" as const, "tool" as const),
      tokenCount: fc.option(fc.nat(), { nil: undefined }),
      metadata: fc.constantFrom({}, { b: [1, 2], c: "é" }),
    });
    fc.assert(
      fc.property(fields, ({ role, ...content }) => {
        const { metadata, pinned, tokenCount } = content;
        // In this order, and without what is undefined.
        const json = JSON.stringify({
          content: content.content || undefined,
          metadata: "b" in metadata ? metadata : undefined,
          pinned: pinned || undefined,
          role,
          tokenCount,
        });

        expect(hashOf(content, role)).toBe(createHash("sha256").update(json).digest("hex"));
      }),
    );
  });

  it("depends on the order of parts, not on that of JSON keys or on spaces", () => {
    const one: Part = { type: "data", json: "1" };
    const two: Part = { type: "data", json: "2" };

    expect(hashOf({ parts: [one, two] })).not.toBe(hashOf({ parts: [two, one] }));
    expect(hashOf(data('{"a":1,"b":[1,2]}'))).toBe(hashOf(data(' {"b":[1, 2],"a":1.0}')));
    expect(hashOf(data("[1,2]"))).not.toBe(hashOf(data("[2,1]")));
    expect(hashOf({ metadata: { a: 1, b: 2 } })).toBe(hashOf({ metadata: { b: 2, a: 1 } }));
  });
});

describe("the hash of a session", () => {
  it("is another one for each of its fields", () => {
    const none = { key: undefined, userId: undefined, agentId: undefined, title: "", metadata: {} };
    const sessions = [
      none,
      { ...none, key: "a" },
      { ...none, userId: "a" },
      { ...none, agentId: "a" },
      { ...none, title: "a" },
      { ...none, metadata: { title: "a" } },
    ];

    const hashes = sessions.map((session) => Buffer.from(hashSession(session)).toString("hex"));

    expect(new Set(hashes).size).toBe(sessions.length);
  });
});

describe("the hash of a state", () => {
  it("tells keys, JSON and bytes apart", () => {
    const bytes = (mediaType: string, ...values: number[]) =>
      ({ data: Uint8Array.from(values), mediaType }) as const;
    const states = [
      hashState("", { json: "1", mediaType: "" }),
      hashState("a", { json: "1", mediaType: "" }),
      hashState("", { json: '""', mediaType: "" }),
      hashState("", { json: "null", mediaType: "" }),
      hashState("", bytes("x/y", 49)),
      hashState("", bytes("x/z", 49)),
      hashState("", bytes("x/y")),
    ];

    const hashes = states.map((hash) => Buffer.from(hash).toString("hex"));

    expect(new Set(hashes).size).toBe(states.length);
  });
});

describe("the hash of an API call", () => {
  it("is another one for each of its fields, and for a time that was given", () => {
    const { requestHash: _, createdAt: __, id: ___, ...none } = newApiCall();
    const others: readonly Partial<ApiCallContent>[] = [
      {},
      { sessionId: "a" },
      { requestMessageId: "a" },
      { responseMessageId: "a" },
      { userId: "a" },
      { agentId: "a" },
      { model: "a" },
      { status: "failed" },
      { promptTokens: 0 },
      { completionTokens: 0 },
      { cachedTokens: 0 },
      { reasoningTokens: 0 },
      { price: { nanoUnits: 0, currency: "EUR" } },
      { price: { nanoUnits: 0, currency: "USD" } },
      { price: { nanoUnits: 1, currency: "USD" } },
      { latencyMs: 0 },
      { timeToFirstTokenMs: 0 },
      { error: "a" },
    ];

    const hashes = others.map((other) => hashApiCall({ ...none, ...other }, undefined));
    hashes.push(hashApiCall(none, new Date(0)), hashApiCall(none, new Date(1)));

    const texts = hashes.map((hash) => Buffer.from(hash).toString("hex"));
    expect(new Set(texts).size).toBe(others.length + 2);
  });
});
