import { setImmediate } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import type { MessageEnding, MessageWriter, Part } from "@mofa-state/client";
import { describe, expect, it } from "vitest";
import { openScripted } from "../scripted-server.js";
import {
  acknowledge,
  durable,
  finished,
  HEADER,
  scriptWriting,
  type WriteCall,
  type Written,
} from "../scripted-writing.js";

const UNAVAILABLE = { code: status.UNAVAILABLE, details: "later" };
const PART: Part = { type: "data", data: 1 };
const break_ = (call: WriteCall) => call.emit("error", UNAVAILABLE);

/** Writes "Hello", and has the connection break at the end; then the message is as given. */
async function writeHello(written: Written): Promise<MessageWriter> {
  const script = scriptWriting(
    (call, write) => {
      if (write.case === "start") acknowledge(call, 0);
      if (write.case === "finish") break_(call);
    },
    (call) => finished(call, written),
  );
  const session = await openScripted(script);
  const reply = session.write(HEADER);
  await reply.write("Hello");
  return reply;
}

describe("a writer whose message comes back finished", () => {
  it.each([
    ["before it ends it", { isEnded: false, text: "Hello, you" }],
    ["while it ends it", { isEnded: true, text: "Hello, you" }],
    ["with less", { isEnded: true, text: "Hell" }],
  ])("takes no message for its own that another finished %s", async (_, { isEnded, text }) => {
    let lose = () => undefined as unknown;
    const script = scriptWriting(
      (call, write) => {
        lose = () => break_(call);
        if (write.case === "start") acknowledge(call, 0);
        if (write.case === "delta") acknowledge(call, 5);
        if (write.case === "finish") lose();
      },
      (call) => finished(call, { content: text }),
    );
    const session = await openScripted(script);
    const reply = session.write(HEADER);
    await reply.write("Hello");
    await durable(reply, 5);

    if (!isEnded) lose();
    while (!isEnded && script.starts.length < 2) await setImmediate();

    await expect(reply.finish()).rejects.toMatchObject({
      code: "aborted",
      reason: "WRITER_REPLACED",
      metadata: { expected: "5", actual: String(text.length) },
    });
  });

  it("does not say that another finished what may have been edited since", async () => {
    const reply = await writeHello({ content: "Hello, edited" });

    await expect(reply.finish()).rejects.toMatchObject({
      reason: "WRITER_REPLACED",
      message: expect.stringContaining("another writer finished it, or it was edited since"),
    });
  });

  it.each<[string, Written, readonly Part[]]>([
    ["more parts than it wrote", { content: "Hello", partCount: 2 }, [PART]],
    ["fewer", { content: "Hello" }, [PART]],
  ])("takes none for its own that has %s", async (_, written, parts) => {
    const reply = await writeHello(written);
    for (const part of parts) await reply.write(part);

    await expect(reply.finish()).rejects.toMatchObject({
      code: "aborted",
      reason: "WRITER_REPLACED",
      metadata: { expectedParts: "1", actualParts: String(written.partCount ?? 0) },
    });
  });

  it.each<[string, readonly Part[], MessageEnding]>([
    ["it wrote", [PART, PART], {}],
    ["it wrote, and left at the end", [PART, PART], { parts: [] }],
    ["its end gave", [PART], { parts: [PART, PART] }],
  ])("takes one for its own that has the parts that %s", async (_, parts, ending) => {
    const reply = await writeHello({ content: "Hello", partCount: 2 });
    for (const part of parts) await reply.write(part);

    await expect(reply.finish(ending)).resolves.toMatchObject({ content: "Hello" });
  });

  it("says nothing of having sent what was not", async () => {
    let lose = () => undefined as unknown;
    let answer = () => undefined as unknown;
    const script = scriptWriting(
      (call, write) => {
        lose = () => break_(call);
        acknowledge(call, write.case === "start" ? 0 : 5);
      },
      (call) => {
        answer = () => finished(call, { content: "Hello" });
      },
    );
    const session = await openScripted(script);
    const reply = session.write(HEADER);
    await reply.write("Hello");
    await durable(reply, 5);
    lose();
    while (script.starts.length < 2) await setImmediate();

    await reply.write(" world");
    await reply.write(PART);
    answer();

    await expect(reply.finish()).rejects.toMatchObject({
      message: expect.not.stringContaining("sent"),
      metadata: { expected: "11", actual: "5" },
    });
  });
});
