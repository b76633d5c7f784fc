import { once } from "node:events";
import { setImmediate, setImmediate as turnOfLoop } from "node:timers/promises";
import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Metadata, status } from "@grpc/grpc-js";
import type { MessageWriter, Part } from "@mofa-state/client";
import { ErrorInfoSchema } from "@mofa-state/proto/google/rpc/error_details_pb.js";
import { StatusSchema } from "@mofa-state/proto/google/rpc/status_pb.js";
import { describe, expect, it } from "vitest";
import { openScripted } from "./scripted-server.js";
import { acknowledge, finished, scriptWriting, type WriteCall } from "./scripted-writing.js";

const UNAVAILABLE = { code: status.UNAVAILABLE, details: "later" };
const HEADER = { role: "assistant" } as const;

function refusal(code: number, reason: string) {
  const info = anyPack(ErrorInfoSchema, create(ErrorInfoSchema, { reason }));
  const metadata = new Metadata();
  const details = toBinary(StatusSchema, create(StatusSchema, { details: [info] }));
  metadata.set("grpc-status-details-bin", Buffer.from(details));
  return { code, details: reason, metadata };
}

/** Opens a message, takes everything, and answers the end with what came. */
function takeAll(call: WriteCall, write: { readonly case: string | undefined }): void {
  if (write.case === "start") acknowledge(call, 0);
  if (write.case === "finish") finished(call, "all");
}

/** Waits until the writer knows that so many bytes are durable. */
async function durable(writer: MessageWriter, bytes: number): Promise<void> {
  while (writer.acknowledged < bytes) await setImmediate();
}

describe("a message that is written", () => {
  it("is begun by its header, and finished by its end", async () => {
    const script = scriptWriting(takeAll);
    const session = await openScripted(script);

    const reply = session.write({ ...HEADER, pinned: true }, { expectedHeadSequence: 6 });
    await reply.write("Hello");
    const message = await reply.finish({ tokenCount: 3 });

    expect(message).toMatchObject({ sequence: 7, content: "all", status: "complete" });
    expect(script.starts).toMatchObject([
      { sessionId: session.id, expectedHeadSequence: 6n, message: { id: reply.id, pinned: true } },
    ]);
    expect(script.sent).toEqual([["0:Hello", "finish:COMPLETE", "end"]]);
    expect(reply.acknowledged).toBe(3);
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
    const script = scriptWriting((call, write) => {
      if (write.case === "start") acknowledge(call, 5, 2);
      else takeAll(call, write);
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
    ["a part whose text is none", { type: "reasoning", text: 5 } as unknown as string],
    ["a file whose bytes are none", { type: "file", data: "x" } as unknown as string],
  ])("refuses %s, and goes on", async (_, junk) => {
    const script = scriptWriting(takeAll);
    const session = await openScripted(script);
    const reply = session.write(HEADER);

    await expect(reply.write(junk)).rejects.toMatchObject({ code: "invalid_argument" });
    await turnOfLoop();
    await reply.write("a");
    await reply.finish();

    expect(script.sent).toEqual([["0:a", "finish:COMPLETE", "end"]]);
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

describe("a writer whose connection breaks", () => {
  const break_ = (call: WriteCall) => call.emit("error", UNAVAILABLE);

  it("before its start is answered starts again with the same ids", async () => {
    const script = scriptWriting(break_, break_, takeAll);
    const session = await openScripted(script);

    const reply = session.write(HEADER);
    await reply.write("Hello");
    await reply.finish();

    expect(script.starts).toHaveLength(3);
    expect(script.starts).toEqual(Array(3).fill(script.starts[0]));
    expect(script.starts[0]?.writerId).toMatch(/^[0-9a-f-]{36}$/);
    expect(script.sent).toEqual([[], [], ["0:Hello", "finish:COMPLETE", "end"]]);
  });

  it("sends again what was not acknowledged, and nothing else", async () => {
    let lose = () => undefined as unknown;
    const script = scriptWriting(
      (call, write) => {
        lose = () => break_(call);
        if (write.case === "start") acknowledge(call, 0);
        else acknowledge(call, 4);
      },
      (call, write) => {
        if (write.case === "start") acknowledge(call, 6);
        if (write.case === "finish") finished(call, "all");
      },
    );
    const session = await openScripted(script);
    const reply = session.write(HEADER);
    await reply.opened;

    await reply.write("Héllo");
    await durable(reply, 4);
    lose();
    await reply.write(" world");
    await reply.finish();

    expect(script.sent).toEqual([["0:Héllo"], ["6: world", "finish:COMPLETE", "end"]]);
  });

  it("cuts a piece of which a part was stored", async () => {
    const script = scriptWriting(
      (call, write) => {
        if (write.case === "start") acknowledge(call, 10, 1);
        else break_(call);
      },
      (call, write) => {
        if (write.case === "start") acknowledge(call, 13, 1);
        else takeAll(call, write);
      },
    );
    const session = await openScripted(script);
    const reply = session.write(HEADER);
    await reply.opened;

    await reply.write("Héllo");
    await reply.write({ type: "data", data: 1 });
    await reply.finish();

    expect(script.sent[1]).toEqual(["13:llo", "part:1", "finish:COMPLETE", "end"]);
  });

  it.each([
    ["ended by the server with OK", (call: WriteCall) => call.end()],
    ["cancelled by the server", (call: WriteCall) => call.emit("error", { code: 1, details: "" })],
    [
      "ended since the lease ran out",
      (call: WriteCall) => call.emit("error", refusal(status.ABORTED, "WRITE_INTERRUPTED")),
    ],
  ])("goes on after a call that was %s", async (_, end) => {
    const script = scriptWriting((call, write) => {
      if (write.case === "start") acknowledge(call, 0);
      else end(call);
    }, takeAll);
    const session = await openScripted(script);
    const reply = session.write(HEADER);
    await reply.opened;

    await reply.write("Hello");
    await reply.finish();

    expect(script.sent[1]).toEqual(["0:Hello", "finish:COMPLETE", "end"]);
  });

  it("after its end was stored has the message as the answer", async () => {
    const script = scriptWriting(
      (call, write) => {
        if (write.case === "start") acknowledge(call, 0);
        if (write.case === "finish") break_(call);
      },
      (call) => finished(call, "Hello"),
    );
    const session = await openScripted(script);
    const reply = session.write(HEADER);

    await reply.write("Hello");
    const message = await reply.finish();

    expect(message).toMatchObject({ content: "Hello", status: "complete" });
    expect(script.sent[1]).not.toContain("finish:COMPLETE");
  });

  it("after its interruption was stored interrupts it again", async () => {
    const script = scriptWriting(
      (call, write) => {
        if (write.case === "start") acknowledge(call, 0);
        if (write.case === "finish") break_(call);
      },
      (call, write) => {
        if (write.case === "start") acknowledge(call, 5);
        if (write.case === "finish") finished(call, "Hello", true);
      },
    );
    const session = await openScripted(script);
    const reply = session.write(HEADER);

    await reply.write("Hello");

    await expect(reply.interrupt()).resolves.toMatchObject({ status: "interrupted" });
    expect(script.sent[1]).toEqual(["finish:INTERRUPTED", "end"]);
  });

  it("after its end was sent ends it as it was told first", async () => {
    const script = scriptWriting((call, write) => {
      if (write.case === "start") acknowledge(call, 0);
      if (write.case === "finish") break_(call);
    }, takeAll);
    const session = await openScripted(script);
    const reply = session.write(HEADER);

    void reply.finish();
    await reply.interrupt();

    expect(script.sent[1]).toEqual(["finish:COMPLETE", "end"]);
  });

  it.each([
    ["less than it had", 3],
    ["more than was written", 9],
  ])("is refused by a server that has %s", async (_, offset) => {
    const script = scriptWriting(
      (call, write) => {
        if (write.case === "start") acknowledge(call, 0);
        else acknowledge(call, 5);
        if (write.case === "finish") break_(call);
      },
      (call) => acknowledge(call, offset),
    );
    const session = await openScripted(script);
    const reply = session.write(HEADER);
    await reply.write("Hello");
    await durable(reply, 5);

    await expect(reply.finish()).rejects.toMatchObject({
      code: "aborted",
      reason: "OFFSET_MISMATCH",
      metadata: { expected: "5", actual: String(offset) },
    });
  });

  it("gives up when it cannot connect again in time", async () => {
    const session = await openScripted({ duplex: break_ });

    const reply = session.write(HEADER, { timeoutMs: 50 });

    await expect(reply.opened).rejects.toMatchObject({ code: "unavailable" });
    await expect(reply.write("x")).rejects.toMatchObject({ code: "unavailable" });
    await expect(reply.finish()).rejects.toMatchObject({ code: "unavailable" });
  });
});

describe("a writer", () => {
  it.each([
    [status.ABORTED, "WRITER_ACTIVE", "aborted"],
    [status.ALREADY_EXISTS, "ID_REUSED", "already_exists"],
    [status.NOT_FOUND, "SESSION_DELETED", "not_found"],
  ])("that is refused with status %i %s says so", async (code, reason, word) => {
    const script = scriptWriting((call) => call.emit("error", refusal(code, reason)));
    const session = await openScripted(script);

    const reply = session.write(HEADER);

    const refused = { code: word, reason };
    await expect(reply.opened).rejects.toMatchObject(refused);
    await expect(reply.write("x")).rejects.toMatchObject(refused);
    await expect(reply.finish()).rejects.toMatchObject(refused);
    expect(script.starts).toHaveLength(1);
  });

  it("that is replaced fails where it waits", async () => {
    const script = scriptWriting((call, write) => {
      if (write.case === "start") acknowledge(call, 0);
      else call.emit("error", refusal(status.ABORTED, "WRITER_REPLACED"));
    });
    const session = await openScripted(script);
    const reply = session.write(HEADER);
    await reply.opened;

    const writing = reply.write("x".repeat(300 * 1024));

    await expect(writing).rejects.toMatchObject({ reason: "WRITER_REPLACED" });
  });

  it("that nobody waits for ends no process", async () => {
    const script = scriptWriting((call) => call.emit("error", refusal(status.ABORTED, "NO")));
    const session = await openScripted(script);
    const reply = session.write(HEADER);

    void reply.write("x");
    await reply.opened.catch(() => undefined);
    void reply.write("\ud800x");
    void reply.finish();
    void reply.interrupt();
    await setImmediate();

    await expect(reply.write("y")).rejects.toMatchObject({ reason: "NO" });
  });

  it("is told when an answer takes too long", async () => {
    const script = scriptWriting((call, write) => {
      if (write.case === "start") acknowledge(call, 0);
    });
    const session = await openScripted(script);
    const reply = session.write(HEADER, { timeoutMs: 50 });
    await reply.opened;

    await expect(reply.finish()).rejects.toMatchObject({ code: "deadline_exceeded" });
  });

  it("may take its time between two pieces", async () => {
    const script = scriptWriting((call, write) => {
      takeAll(call, write);
      if (write.case === "delta") acknowledge(call, 1);
    });
    const session = await openScripted(script);
    const reply = session.write(HEADER, { timeoutMs: 50 });
    await reply.write("a");
    await durable(reply, 1);

    const start = performance.now();
    while (performance.now() < start + 200) await setImmediate();

    await reply.write("b");
    await reply.finish();
    expect(script.sent).toEqual([["0:a", "1:b", "finish:COMPLETE", "end"]]);
  });

  it("is told when the message does not come, though all of it is durable", async () => {
    const script = scriptWriting((call, write) => {
      if (write.case === "start") acknowledge(call, 0);
      if (write.case === "finish") acknowledge(call, 1);
    });
    const session = await openScripted(script);
    const reply = session.write(HEADER, { timeoutMs: 50 });

    await reply.write("a");

    await expect(reply.finish()).rejects.toMatchObject({ code: "deadline_exceeded" });
  });

  it("is cancelled by its signal, here and on the server", async () => {
    const controller = new AbortController();
    let cancelled: Promise<unknown> = Promise.resolve();
    const script = scriptWriting((call) => {
      cancelled = once(call, "cancelled");
      acknowledge(call, 0);
    });
    const session = await openScripted(script);
    const reply = session.write(HEADER, { signal: controller.signal });
    await reply.opened;

    controller.abort("enough");

    await expect(reply.finish()).rejects.toMatchObject({ code: "cancelled", cause: "enough" });
    await cancelled;
  });

  it("of a message that is finished gets it, and can add nothing", async () => {
    const script = scriptWriting(
      (call) => finished(call, "é"),
      (call) => finished(call, "é"),
    );
    const session = await openScripted(script);
    const part: Part = { type: "data", data: 1 };

    const reader = session.write({ ...HEADER, id: "m" });
    const writer = session.write({ ...HEADER, id: "m" });
    void writer.write(part);

    const start = { sequence: 7, offset: 2, partCount: 0, message: { content: "é" } };
    await expect(reader.opened).resolves.toMatchObject(start);
    await expect(reader.finish()).resolves.toMatchObject({ content: "é" });
    await expect(reader.write("x")).rejects.toMatchObject({ code: "failed_precondition" });
    await expect(writer.finish()).rejects.toMatchObject({ code: "failed_precondition" });
  });

  it("with a header that cannot be sent is refused at once", async () => {
    const session = await openScripted({});

    expect(() => session.write({ role: "nobody" as "user" })).toThrow("start.message.role");
    expect(() => session.write(HEADER, { timeoutMs: 0 })).toThrow("timeoutMs");
  });
});
