import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { openScripted } from "../scripted-server.js";
import { acknowledge, HEADER, scriptWriting, takeAll } from "../scripted-writing.js";

const RESULT = { type: "tool_result", callId: "c", text: "" } as const;

describe("a message that is written", () => {
  it("is begun by its header, and finished by its end", async () => {
    const script = scriptWriting(takeAll);
    const session = await openScripted(script);

    const reply = session.write({ ...HEADER, pinned: true }, { expectedHeadSequence: 6 });
    await reply.write("Hello");
    const message = await reply.finish({ tokenCount: 3 });

    expect(message).toMatchObject({ sequence: 7, content: "Hello", status: "complete" });
    expect(script.starts).toMatchObject([
      { sessionId: session.id, expectedHeadSequence: 6n, message: { id: reply.id, pinned: true } },
    ]);
    expect(script.sent).toEqual([["0:Hello", "finish:COMPLETE", "end"]]);
    expect(reply.acknowledged).toBe(5);
  });

  it("tells where it begins", async () => {
    const script = scriptWriting((call) => acknowledge(call, 5, 2));
    const session = await openScripted(script);

    const reply = session.write(HEADER);

    const start = { sequence: 7, offset: 5, partCount: 2, message: undefined };
    await expect(reply.opened).resolves.toEqual(start);
    expect(reply.acknowledged).toBe(5);
  });

  it("is added to where an earlier writer left it", async () => {
    const script = scriptWriting((call, write, written) => {
      if (write.case === "start") acknowledge(call, 5, 2);
      else takeAll(call, write, written);
    });
    const session = await openScripted(script);

    const reply = session.write({ ...HEADER, id: "m" }, { writerId: "w" });
    await reply.write("é");
    await reply.write({ type: "reasoning", text: "x" });
    await reply.write("!");
    await reply.finish();

    expect(script.starts).toMatchObject([{ message: { id: "m" }, writerId: "w" }]);
    expect(script.sent).toEqual([["5:é", "part:2", "7:!", "finish:COMPLETE", "end"]]);
  });

  it("has the pieces of one turn of the event loop sent as one", async () => {
    const script = scriptWriting(takeAll);
    const session = await openScripted(script);
    const reply = session.write(HEADER);
    await reply.opened;

    for (const token of ["a", "b", "c"]) await reply.write(token);
    await setImmediate();
    await setImmediate();
    await reply.write("d");
    await reply.finish();

    expect(script.sent).toEqual([["0:abc", "3:d", "finish:COMPLETE", "end"]]);
  });

  it("is sent in pieces of a bounded size, cut between characters", async () => {
    const script = scriptWriting(takeAll);
    const session = await openScripted(script);
    const text = `a${"😀".repeat(20_000)}`;

    const reply = session.write(HEADER);
    await reply.write(text);
    await reply.finish();

    const [sent = []] = script.sent;
    const pieces = sent.slice(0, -2).map((piece) => piece.slice(piece.indexOf(":") + 1));
    expect(pieces.join("")).toBe(text);
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThanOrEqual(16_384);
    expect(sent[1]).toMatch(new RegExp(`^${Buffer.byteLength(pieces[0] ?? "")}:`));
  });

  it("keeps the halves of a surrogate pair together", async () => {
    const script = scriptWriting(takeAll);
    const session = await openScripted(script);
    const reply = session.write(HEADER);
    await reply.opened;

    for (const half of ["a\ud83d", "", "\ude00b"]) {
      await reply.write(half);
      await setImmediate();
      await setImmediate();
    }
    await reply.finish();

    expect(script.sent).toEqual([["0:a", "1:😀b", "finish:COMPLETE", "end"]]);
  });

  it("goes on after half of a surrogate pair was refused", async () => {
    const script = scriptWriting(takeAll);
    const session = await openScripted(script);
    const reply = session.write(HEADER);
    const refused = { code: "invalid_argument" };

    await expect(reply.write("\ude00")).rejects.toMatchObject(refused);
    await reply.write("a\ud83d");
    await expect(reply.write("b\ud83d")).rejects.toMatchObject(refused);
    await reply.write("c\ud83d");
    await expect(reply.finish()).rejects.toMatchObject(refused);
    await reply.finish();

    expect(script.sent).toEqual([["0:ac", "finish:COMPLETE", "end"]]);
  });

  it.each<[string, string]>([
    ["null", null as unknown as string],
    ["a number", 5 as unknown as string],
    ["a part of no type", { type: "no" } as unknown as string],
    ["half a character in a part", { type: "reasoning", text: "\ud83d" } as unknown as string],
    ["half of one in a result", { ...RESULT, text: "\ud83d" } as unknown as string],
    ["a result of a call whose id is none", { ...RESULT, callId: 5 } as unknown as string],
    ["a part whose text is none", { type: "reasoning", text: 5 } as unknown as string],
    ["a file whose bytes are none", { type: "file", data: "x" } as unknown as string],
    ["U+0000", "a\0"],
    ["U+0000 in a result", { ...RESULT, text: "\0" } as unknown as string],
    ["U+0000 in data", { type: "data", data: [{ a: "\0" }] } as unknown as string],
    ["U+0000 in a key", { type: "data", data: { "\0": 1 } } as unknown as string],
  ])("refuses %s, and goes on", async (_, junk) => {
    const script = scriptWriting(takeAll);
    const session = await openScripted(script);
    const reply = session.write(HEADER);

    await expect(reply.write(junk)).rejects.toMatchObject({ code: "invalid_argument" });
    await setImmediate();
    await reply.write("a");
    await reply.finish();

    expect(script.sent).toEqual([["0:a", "finish:COMPLETE", "end"]]);
  });

  it("keeps the half that it held back where U+0000 is refused", async () => {
    const script = scriptWriting(takeAll);
    const session = await openScripted(script);
    const reply = session.write(HEADER);

    await reply.write("a\ud83d");
    await expect(reply.write("\0")).rejects.toMatchObject({ code: "invalid_argument" });
    await reply.write("\ude00");
    await reply.finish();

    expect(script.sent[0]?.slice(0, -2)).toEqual(["0:a😀"]);
  });

  it("takes a part as it was when it was written", async () => {
    const files: unknown[] = [];
    const script = scriptWriting((call, write, written) => {
      takeAll(call, write, written);
      if (write.case === "delta") files.push(write.value.delta.value);
    });
    const session = await openScripted(script);
    const reply = session.write(HEADER);
    const data = Uint8Array.of(1, 2, 3);

    await reply.write({ type: "file", data });
    data.fill(0);
    await reply.finish();

    const content = { case: "data", value: Buffer.of(1, 2, 3) };
    expect(files).toMatchObject([{ part: { case: "file", value: { content } } }]);
  });

  it("takes no more once it is finished, and gives its message as often as it is asked", async () => {
    const session = await openScripted(scriptWriting(takeAll));
    const reply = session.write(HEADER);

    const first = reply.finish();
    await expect(reply.write("late")).rejects.toMatchObject({ code: "failed_precondition" });

    expect(await reply.interrupt()).toBe(await first);
    await expect(reply.write("late")).rejects.toMatchObject({ code: "failed_precondition" });
  });

  it("holds a writer up that is ahead of the disk", async () => {
    let acknowledgeAll = () => undefined as unknown;
    const script = scriptWriting((call, write) => {
      acknowledgeAll = () => acknowledge(call, 300 * 1024);
      if (write.case === "start") acknowledge(call, 0);
    });
    const session = await openScripted(script);
    const reply = session.write(HEADER);
    let isTaken = false;

    await reply.write("x".repeat(200 * 1024));
    const writing = reply.write("x".repeat(100 * 1024)).then(() => {
      isTaken = true;
    });
    while ((script.sent[0]?.join("").length ?? 0) < 300 * 1024) await setImmediate();
    const wasTaken = isTaken;
    acknowledgeAll();
    await writing;

    expect(wasTaken).toBe(false);
  });

  it("is interrupted at the end of its block, unless it is finished", async () => {
    const script = scriptWriting(takeAll, takeAll);
    const session = await openScripted(script);

    {
      await using reply = session.write(HEADER);
      await reply.write("a\ud83d");
    }
    {
      await using reply = session.write(HEADER);
      await reply.finish();
    }

    expect(script.sent).toEqual([
      ["0:a", "finish:INTERRUPTED", "end"],
      ["finish:COMPLETE", "end"],
    ]);
  });
});
