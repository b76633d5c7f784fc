import type { MessageEnding, Part } from "@mofa-state/client";
import { describe, expect, it } from "vitest";
import { openScripted } from "../scripted-server.js";
import { HEADER, scriptWriting, takeAll } from "../scripted-writing.js";

const GOOD = { type: "data", data: 1 } as const;

describe("the end of a message", () => {
  it.each<[string, Part]>([
    ["U+0000", { type: "reasoning", text: "\0" }],
    ["U+0000 in data", { type: "data", data: [{ a: "\0" }] }],
    ["U+0000 in a key", { type: "data", data: { "\0": 1 } }],
    ["U+0000 in a name", { type: "file", uri: "x:y", name: "\0" }],
    ["half a character", { type: "reasoning", text: "\ud83d" }],
  ])("with a part that has %s is refused, and the writing goes on", async (_, junk) => {
    const script = scriptWriting(takeAll);
    const session = await openScripted(script);
    const reply = session.write(HEADER);
    await reply.write("a\ud83d");

    await expect(reply.finish({ parts: [GOOD, junk] })).rejects.toMatchObject({
      code: "invalid_argument",
    });
    await reply.write("\ude00b");
    const message = await reply.finish({ parts: [GOOD] });

    expect(message).toMatchObject({ content: "a😀b", parts: [{ type: "data" }] });
    expect(script.sent[0]?.slice(-2)).toEqual(["finish:COMPLETE", "end"]);
  });

  it("names the part that has U+0000", async () => {
    const session = await openScripted(scriptWriting(takeAll));
    const reply = session.write(HEADER);
    const ending: MessageEnding = {
      parts: [GOOD, { type: "reasoning", text: "\0" }],
    };

    await expect(reply.finish(ending)).rejects.toMatchObject({
      violations: [{ field: "finish.parts[1]" }],
    });
  });
});
