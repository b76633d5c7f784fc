import { randomUUID } from "node:crypto";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { NIL_UUID, newUuid, parseUuid } from "../../../server/src/domain/uuid.js";

describe("parseUuid", () => {
  it.each([NIL_UUID, "ffffffff-ffff-ffff-ffff-ffffffffffff", randomUUID()])("takes %s", (uuid) => {
    expect(parseUuid(uuid)).toBe(uuid);
    expect(parseUuid(uuid.toUpperCase())).toBe(uuid);
  });

  it.each([
    "",
    "0198f000",
    "0198f00000007000800000000000000a",
    "0198f000-0000-7000-8000-00000000000",
    "0198f000-0000-7000-8000-00000000000aa",
    "0198f000-0000-7000-8000-00000000000a\n",
    " 0198f000-0000-7000-8000-00000000000a",
    "{0198f000-0000-7000-8000-00000000000a}",
    "0198g000-0000-7000-8000-00000000000a",
    "0198f000_0000_7000_8000_00000000000a",
    // The lower case of this capital is an ASCII letter and a dot.
    "0198f000-0000-7000-8000-0000000000\u0130",
  ])("takes %j for none", (text) => {
    expect(parseUuid(text)).toBeUndefined();
  });
});

describe("newUuid", () => {
  it("gives UUIDs of version 7 that are all different", () => {
    const uuids = Array.from({ length: 1_000 }, newUuid);

    expect(new Set(uuids).size).toBe(1_000);
    for (const uuid of uuids) {
      expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
  });

  it("begins with the time in milliseconds", () => {
    vi.useFakeTimers({ toFake: ["Date"], now: 0x0123_4567_89ab });
    onTestFinished(() => {
      vi.useRealTimers();
    });

    expect(newUuid().slice(0, 13)).toBe("01234567-89ab");
  });
});
