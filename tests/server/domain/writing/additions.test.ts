import { describe, expect, it } from "vitest";
import type { File, Part } from "../../../../server/src/domain/model.js";
import type { WriteInput } from "../../../../server/src/domain/writing/write-input.js";
import { createWrittenSession, type WrittenSession } from "./written-session.js";

const CALL: Part = { type: "tool_call", id: "1", name: "search", argumentsJson: '{"a":1}' };
const FILE: File = {
  type: "file",
  uri: undefined,
  data: new Uint8Array([1, 2]),
  mediaType: "a/b",
  name: "",
};

/** Writes "Grüße" and a part, of which nothing is stored or all. */
async function written(isStored: boolean): Promise<ReturnType<WrittenSession["start"]>["writer"]> {
  const session = await createWrittenSession(isStored ? { checkpointBytes: 1 } : {});
  const { writer } = session.start();
  writer.text(0, "Grüße");
  writer.part(0, FILE);
  await session.announced.untilShown(2);
  if (isStored) while ((await writer.acknowledged()).partCount === 0);
  return writer;
}

describe.each([
  ["not stored", false],
  ["stored", true],
])("additions to what is %s", (_, isStored) => {
  it("skips text that repeats what is there", async () => {
    const writer = await written(isStored);

    writer.text(0, "Grü");
    writer.text(4, "ße");
    writer.text(0, "Grüße");
    writer.text(7, "!");
    writer.finish();

    expect((await writer.message()).content).toBe("Grüße!");
  });

  it("takes the rest of text that goes beyond what it repeats", async () => {
    const writer = await written(isStored);

    writer.text(4, "ße aus 🌍");
    writer.text(7, " aus 🌍!");
    writer.finish();

    expect((await writer.message()).content).toBe("Grüße aus 🌍!");
  });

  it.each([
    ["differs", 0, "Gruß"],
    ["differs in its last character", 4, "ßi"],
    ["begins within a character", 3, "x"],
    ["leaves a gap", 8, "!"],
  ])("refuses text that %s", async (_name, offset, text) => {
    const writer = await written(isStored);

    writer.text(offset, text);

    await expect(writer.ended()).rejects.toMatchObject({
      code: "aborted",
      reason: "OFFSET_MISMATCH",
      metadata: { expected: "7", actual: String(offset) },
    });
  });

  it("skips a part that repeats what is there", async () => {
    const writer = await written(isStored);

    writer.part(0, { ...FILE });
    writer.part(1, CALL);
    writer.part(1, { ...CALL, argumentsJson: '{ "a": 1 }' });
    writer.finish();

    expect((await writer.message()).parts).toMatchObject([{ type: "file" }, CALL]);
  });

  it.each<[string, number, Part]>([
    ["differs", 0, { ...FILE, data: new Uint8Array([1, 3]) }],
    ["leaves a gap", 2, CALL],
  ])("refuses a part that %s", async (_name, index, part) => {
    const writer = await written(isStored);

    writer.part(index, part);

    await expect(writer.ended()).rejects.toMatchObject({
      code: "aborted",
      reason: "OFFSET_MISMATCH",
      metadata: { expected: "1", actual: String(index) },
    });
  });
});

describe("a message", () => {
  it("takes no more than a request may hold", async () => {
    const session = await createWrittenSession({ maxRequestBytes: 1_000 });
    const { writer } = session.start();
    writer.text(0, "x".repeat(700));

    writer.text(700, "y".repeat(301));

    await expect(writer.ended()).rejects.toMatchObject({
      code: "resource_exhausted",
      reason: "LIMIT_EXCEEDED",
      violations: [{ field: "delta.text" }],
    });
    expect((await session.stored()).content).toBe("x".repeat(700));
  });

  it.each<[string, WriteInput]>([
    ["delta.part", { type: "part", partIndex: 0, part: { type: "data", json: big(1_000) } }],
    [
      "finish.parts",
      {
        type: "finish",
        parts: [{ type: "data", json: big(1_000) }],
        status: "complete",
        tokenCount: undefined,
        apiCall: undefined,
      },
    ],
  ])("takes no more than that by %s", async (field, input) => {
    const session = await createWrittenSession({ maxRequestBytes: 1_000 });
    const { writer } = session.start();

    writer.send(input);

    await expect(writer.ended()).rejects.toMatchObject({
      reason: "LIMIT_EXCEEDED",
      violations: [{ field }],
    });
    expect(await session.stored()).toMatchObject({ parts: [], status: "streaming" });
  });

  it("takes no more than 1,000 parts", async () => {
    const session = await createWrittenSession();
    const { writer } = session.start();
    for (let index = 0; index < 1_000; index += 1) writer.part(index, CALL);

    writer.part(1_000, CALL);

    await expect(writer.ended()).rejects.toMatchObject({
      reason: "LIMIT_EXCEEDED",
      violations: [{ field: "delta.part" }],
    });
    expect((await session.stored()).parts).toHaveLength(1_000);
  });
});

function big(length: number): string {
  return JSON.stringify("x".repeat(length));
}
