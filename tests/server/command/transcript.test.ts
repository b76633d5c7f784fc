import type { Message, Part, SessionEvent, SessionInfo } from "@mofa-state/client";
import { describe, expect, it } from "vitest";
import { inColour, withoutColour } from "../../../server/src/command/terminal-text.js";
import { Transcript } from "../../../server/src/command/transcript.js";

const ID = "00000000-0000-7000-8000-000000000000";
const TIME = new Date("2026-01-02T03:04:05.000Z");

const SESSION: SessionInfo = {
  id: ID,
  key: undefined,
  userId: undefined,
  agentId: undefined,
  title: "New",
  metadata: {},
  createdAt: TIME,
  updatedAt: TIME,
  headSequence: 1,
  messageCount: 1,
  revision: 2,
  version: 2,
  forkSessionId: undefined,
  forkSequence: 0,
};

function message(sequence: number, content: string, rest: Partial<Message> = {}): Message {
  return {
    id: ID,
    sessionId: ID,
    sequence,
    role: "user",
    content,
    parts: [],
    metadata: {},
    raw: undefined,
    pinned: false,
    status: "complete",
    tokenCount: undefined,
    createdAt: TIME,
    updatedAt: TIME,
    version: 1,
    revision: 1,
    ...rest,
  };
}

/** An event without its place. */
type Happening = SessionEvent extends infer E
  ? E extends SessionEvent
    ? Omit<E, "resumeToken">
    : never
  : never;

const added = (given: Message) => ({ type: "message", message: given }) as const;
const updated = (given: Message) =>
  ({ type: "message_updated", revision: 2, message: given }) as const;
const text = (sequence: number, offset: number, given: string) =>
  ({ type: "text_delta", messageId: ID, sequence, offset, text: given }) as const;
const part = (sequence: number, partIndex: number, given: Part) =>
  ({ type: "part_delta", messageId: ID, sequence, partIndex, part: given }) as const;

/** What a transcript writes for each event, and at the end. */
function write(happenings: readonly Happening[], paint = withoutColour): readonly string[] {
  const transcript = new Transcript(paint);
  const written = happenings.map((happening) =>
    transcript.apply({ resumeToken: undefined, ...happening }),
  );
  return [...written, transcript.end()];
}

/** How much processor time a message of so many deltas takes. */
function cpuMsOfDeltas(count: number): number {
  const token = "a token ";
  const deltas = Array.from({ length: count }, (_, index) => text(1, index * token.length, token));
  const before = process.cpuUsage();
  const written = write([added(message(1, "", STREAMING)), ...deltas]);
  const { user, system } = process.cpuUsage(before);
  expect(written.join("")).toContain(token.repeat(count));
  return (user + system) / 1_000;
}

const STREAMING = { role: "assistant", status: "streaming" } as const;

describe("a transcript", () => {
  it("has a block for each message", () => {
    const written = write([
      added(message(1, "Hello")),
      added(message(2, "Hi\nthere\n", { role: "assistant" })),
      added(message(3, "", { role: "tool" })),
      added(message(4, "cut off", { role: "assistant", status: "interrupted" })),
    ]);

    expect(written).toEqual([
      "user #1\nHello\n\n",
      "assistant #2\nHi\nthere\n\n",
      "tool #3\n\n",
      "assistant #4\ncut off\n[interrupted]\n\n",
      "",
    ]);
  });

  it("shows parts in a line each", () => {
    const parts: readonly Part[] = [
      { type: "tool_call", id: "1", name: "weather", arguments: { city: "Paris" } },
      { type: "tool_call", id: "2", name: "now" },
      { type: "tool_result", callId: "1", text: "sunny\nand warm" },
      { type: "tool_result", callId: "2", text: "no clock", isError: true },
      { type: "reasoning", text: "well" },
      { type: "file", data: new Uint8Array(3), mediaType: "image/png", name: "a.png" },
      { type: "file", uri: "https://example.com/b" },
      { type: "data", data: [1, "x".repeat(300)] },
    ];

    const [block] = write([added(message(1, "So:", { parts }))]);

    expect(block?.split("\n")).toEqual([
      "user #1",
      "So:",
      '→ weather {"city":"Paris"}',
      "→ now",
      "← sunny and warm",
      "← failed: no clock",
      "… well",
      "file a.png image/png 3 bytes",
      "file https://example.com/b",
      `data [1,"${"x".repeat(190)}…`,
      "",
      "",
    ]);
  });

  it("lets a message grow as its text and parts come", () => {
    const call = { type: "tool_call", id: "1", name: "now" } as const;

    const written = write([
      added(message(1, "Ü", STREAMING)),
      text(1, 2, "b"),
      text(1, 3, "er"),
      part(1, 0, call),
      text(1, 5, "all"),
      updated(message(1, "Überall.", { role: "assistant", parts: [call] })),
    ]);

    expect(written).toEqual(["assistant #1\nÜ", "b", "er", "\n→ now\n", "all", ".\n\n", ""]);
  });

  it("writes the text again where a crash took back what differs, and only then", () => {
    const written = write([
      added(message(1, "", STREAMING)),
      text(1, 0, "Ü two three"),
      text(1, 2, " two"),
      text(1, 6, " three"),
      text(1, 2, " 2"),
      updated(message(1, "Ü 2", STREAMING)),
      text(1, 3, "3"),
      updated(message(1, "Ü", { role: "assistant", status: "interrupted" })),
    ]);

    expect(written).toEqual([
      "assistant #1\n",
      "Ü two three",
      "",
      "",
      "\n[the text has become]\nÜ 2",
      "",
      "\n[the text has become]\nÜ 3",
      "\n[the text has become]\nÜ\n[interrupted]\n\n",
      "",
    ]);
  });

  it("keeps what happens while a message is written until that has ended", () => {
    const written = write([
      added(message(1, "a", STREAMING)),
      added(message(2, "Wait", {})),
      added(message(3, "x", STREAMING)),
      text(3, 1, "y"),
      { type: "state_deleted", revision: 3, key: "k", version: 4 },
      text(1, 1, "b"),
      updated(message(1, "ab", { role: "assistant" })),
      text(3, 2, "z"),
      updated(message(3, "xyz", { role: "assistant" })),
    ]);

    expect(written).toEqual([
      "assistant #1\na",
      "",
      "",
      "",
      "",
      "b",
      "\n\nuser #2\nWait\n\nassistant #3\nxy",
      "z",
      '\n\n— state was deleted: "k" version 4\n\n',
      "",
    ]);
  });

  it("ends messages that are deleted or cleared while they are written", () => {
    const written = write([
      added(message(1, "a", STREAMING)),
      added(message(2, "b", STREAMING)),
      { type: "message_deleted", revision: 3, messageId: ID, sequence: 1 },
      added(message(3, "c", STREAMING)),
      added(message(4, "d", {})),
      { type: "messages_cleared", revision: 4, afterSequence: 1, throughSequence: 4 },
      text(2, 1, "late"),
    ]);

    expect(written).toEqual([
      "assistant #1\na",
      "",
      "\n[deleted]\n\nassistant #2\nb",
      "",
      "",
      "\n[deleted]\n\n— message #1 was deleted\n\n— messages #2 to #4 were cleared\n\n",
      "",
      "",
    ]);
  });

  it("has a line for each change", () => {
    const written = write([
      updated(message(1, "New\ntext", { version: 2 })),
      updated(message(2, "done", { role: "assistant" })),
      updated(message(3, "not done", { role: "assistant", status: "interrupted" })),
      { type: "message_deleted", revision: 3, messageId: ID, sequence: 1 },
      { type: "session_updated", revision: 4, session: SESSION },
      {
        type: "state_put",
        revision: 5,
        states: [
          { key: "", version: 1, mediaType: "" },
          { key: "k", version: 2, mediaType: "x/y" },
        ],
      },
      { type: "session_deleted", revision: 6 },
    ]);

    expect(written).toEqual([
      '— message #1 was edited: "New text"\n\n',
      '— message #2 is complete: "done"\n\n',
      '— message #3 was interrupted: "not done"\n\n',
      "— message #1 was deleted\n\n",
      '— the session was changed: "New"\n\n',
      '— state was put: "" version 1, "k" version 2\n\n',
      "— the session was deleted\n\n",
      "",
    ]);
  });

  it("goes on in a new block with a message whose writer has come back", () => {
    const written = write([
      added(message(1, "a", { role: "assistant", status: "interrupted" })),
      updated(message(1, "a", STREAMING)),
      text(1, 1, "b"),
    ]);

    expect(written).toEqual([
      "assistant #1\na\n[interrupted]\n\n",
      "assistant #1\na",
      "b",
      "\n[still being written]\n\n",
    ]);
  });

  it("gives all that waits when it ends", () => {
    const written = write([
      added(message(1, "a", STREAMING)),
      added(message(2, "b", STREAMING)),
      added(message(3, "c")),
    ]);

    expect(written.at(-1)).toBe(
      "\n[still being written]\n\nassistant #2\nb\n[still being written]\n\nuser #3\nc\n\n",
    );
  });

  it("lets a message go on below when much has come meanwhile", () => {
    const many = Array.from({ length: 1_000 }, (_, index) => added(message(index + 2, "x")));

    const written = write([
      added(message(1, "a", STREAMING)),
      ...many,
      text(1, 1, "b"),
      added(message(1_002, "last")),
      text(1, 2, "c"),
      updated(message(1, "abcd", { role: "assistant" })),
    ]);

    const [growing, below = "", ...rest] = written.slice(-5);
    expect(written.slice(0, -5).join("")).toBe("assistant #1\na");
    expect(growing).toBe("b");
    expect(below.startsWith("\n[goes on below]\n\nuser #2\nx\n\n")).toBe(true);
    expect(below.endsWith("\n\nuser #1002\nlast\n\nassistant #1\n")).toBe(true);
    expect(rest).toEqual(["c", "d\n\n", ""]);
  });

  it("takes no longer for a delta when the message is long", () => {
    const [short, long] = [cpuMsOfDeltas(2_500), cpuMsOfDeltas(20_000)];

    // To look at the whole text for each delta would make it 64 times as long.
    expect(long).toBeLessThan(24 * short + 100);
  });

  it("lets nothing that others wrote command the terminal", () => {
    const evil = "\u001b[2J\u009b31m\u0007\r\u007f\u0000\u202e\u2066";
    const parts: readonly Part[] = [
      { type: "data", data: { [evil]: 1 } },
      { type: "reasoning", text: evil },
    ];

    const written = write([
      added(message(1, `a\tb\n${evil}`, { ...STREAMING, parts })),
      text(1, 5, evil),
      updated(message(1, evil, { role: "assistant" })),
      updated(message(2, evil, { version: 2 })),
      { type: "session_updated", revision: 2, session: { ...SESSION, title: evil } },
      { type: "state_put", revision: 3, states: [{ key: evil, version: 1, mediaType: evil }] },
      { type: "state_deleted", revision: 4, key: evil, version: 1 },
    ]).join("");

    expect(written).toContain("a\tb\n␛[2J\\x9b31m␇␍␡␀\\u202e\\u2066");
    expect(written.match(/[^\P{Cc}\n\t]|[\u202e\u2066]/u)).toBeNull();
  });

  it("colours roles, and dims what is not said by anyone", () => {
    const [block, line] = write(
      [added(message(1, "Hello")), { type: "session_deleted", revision: 2 }],
      inColour,
    );

    expect(block).toBe(
      "\u001b[1m\u001b[36muser\u001b[39m\u001b[22m \u001b[2m#1\u001b[22m\nHello\n\n",
    );
    expect(line).toBe("\u001b[2m— the session was deleted\u001b[22m\n\n");
  });
});
