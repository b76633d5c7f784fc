import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  MessageSchema,
  MessageStatus,
  type Message as ProtoMessage,
  Role as ProtoRole,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { describe, expect, it } from "vitest";
import { toMessage } from "../../../client/src/convert/message.js";
import { fromAppend, fromEdit } from "../../../client/src/convert/message-requests.js";
import type { NewMessage } from "../../../client/src/model/message.js";
import type { Part } from "../../../client/src/model/part.js";

const sessionId = "00000000-0000-7000-8000-000000000001";

const PARTS: readonly Part[] = [
  { type: "tool_call", id: "c1", name: "add", arguments: { a: [1, { b: null }] } },
  { type: "tool_call", id: "c2", name: "now" },
  { type: "tool_result", callId: "c1", text: "3", isError: true },
  { type: "reasoning", text: "hm", signature: "s" },
  { type: "reasoning", text: "hm" },
  { type: "file", uri: "https://example.org/a.png", mediaType: "image/png", name: "a.png" },
  { type: "file", data: new Uint8Array([0, 255]) },
  { type: "data", data: null },
];

function stored(fields: Partial<ProtoMessage> = {}): ProtoMessage {
  const times = { createdAt: timestampFromMs(1_000), updatedAt: timestampFromMs(1_001) };
  const rest = { role: ProtoRole.USER, status: MessageStatus.COMPLETE, ...fields };
  return Object.assign(create(MessageSchema), times, rest);
}

function append(messages: readonly NewMessage[]) {
  const stored = { messages, agentStates: [], apiCalls: [] };
  return fromAppend({ sessionId, ...stored, expectedHeadSequence: undefined });
}

function edit(change: Parameters<typeof fromEdit>[0]["change"]) {
  return fromEdit({ sessionId, messageId: "m", change, expectedVersion: undefined });
}

describe("a message", () => {
  it("gives every part back", () => {
    const [sent] = append([{ role: "assistant", parts: PARTS }]).messages;

    expect(toMessage(stored({ parts: sent?.parts ?? [] })).parts).toStrictEqual(PARTS);
  });

  it("has words, numbers and dates", () => {
    const message = toMessage(stored({ sequence: 3n, status: MessageStatus.INTERRUPTED }));

    expect(message).toMatchObject({
      role: "user",
      status: "interrupted",
      sequence: 3,
      createdAt: new Date(1_000),
      tokenCount: undefined,
      raw: undefined,
    });
  });

  it.each([
    ["a number beyond 2^53", { sequence: 2n ** 53n }],
    ["an unknown role", { role: 99 }],
    ["no time", { createdAt: undefined }],
  ])("is an internal error with %s", (_, fields) => {
    const message = Object.assign(stored(), fields);

    expect(() => toMessage(message)).toThrow(expect.objectContaining({ code: "internal" }));
  });
});

describe("an append", () => {
  it("chooses ids that ascend, and keeps those that are given", () => {
    const { messages } = append([
      { role: "user" },
      { role: "user", id: "given" },
      { role: "user" },
    ]);

    const [first, second, third] = messages.map(({ id }) => id);
    expect(second).toBe("given");
    expect(String(first) < String(third)).toBe(true);
  });

  it("sends nothing of a read message but what a client sets", () => {
    const message = toMessage(stored({ sequence: 3n, version: 4n, content: "x" }));

    expect(append([message]).messages[0]).toMatchObject({
      sequence: 0n,
      version: 0n,
      content: "x",
    });
  });

  it.each([
    ["an unknown role", { role: "robot" }, "messages[0].role"],
    ["a role of Object.prototype", { role: "toString" }, "messages[0].role"],
    [
      "a file with uri and data",
      filePart({ uri: "a:b", data: new Uint8Array() }),
      "messages[0].parts[0].file",
    ],
    ["a file without content", filePart({}), "messages[0].parts[0].file"],
    ["an unknown part", { role: "user", parts: [{ type: "song" }] }, "messages[0].parts[0].type"],
    [
      "metadata that is no JSON",
      { role: "user", metadata: { a: Number.NaN } },
      "messages[0].metadata.a",
    ],
  ])("refuses %s", (_, message, field) => {
    expect(() => append([message as NewMessage])).toThrow(
      expect.objectContaining({
        code: "invalid_argument",
        violations: [expect.objectContaining({ field })],
      }),
    );
  });
});

describe("an edit", () => {
  it("names in its mask what is given, also if it is empty", () => {
    const request = edit({ content: "", parts: [], pinned: false, tokenCount: undefined });

    expect(request.updateMask?.paths).toEqual(["content", "parts", "pinned"]);
  });

  it("clears what is to be cleared", () => {
    const request = edit({ clear: ["raw", "tokenCount"] });

    expect(request.updateMask?.paths).toEqual(["raw", "token_count"]);
    expect(request.message?.tokenCount).toBeUndefined();
  });

  it("refuses what is given and cleared", () => {
    expect(() => edit({ tokenCount: 1, clear: ["tokenCount"] })).toThrow(
      expect.objectContaining({ code: "invalid_argument" }),
    );
  });
});

function filePart(file: object) {
  return { role: "user", parts: [{ type: "file", ...file }] };
}
