import { describe, expect, it } from "vitest";
import { isRepeated } from "../../../server/src/domain/idempotency.js";

const ID_REUSED = { code: "already_exists", reason: "ID_REUSED" };

function request(id: string, hash = 1) {
  return { id, requestHash: Uint8Array.of(hash) };
}

function stored(id: string, hash = 1) {
  return { ...request(id, hash), isDeleted: false };
}

function deleted(id: string) {
  return { id, requestHash: new Uint8Array(1), isDeleted: true };
}

describe("isRepeated", () => {
  it("is false where nothing is stored", () => {
    expect(isRepeated("message", [request("a")], [])).toBe(false);
    expect(isRepeated("message", [], [])).toBe(false);
  });

  it("is true where everything is stored with equal hashes, in any order", () => {
    const requests = [request("a"), request("b", 2)];

    expect(isRepeated("message", requests, [stored("b", 2), stored("a")])).toBe(true);
  });

  it("refuses what is stored in part", () => {
    const requests = [request("a"), request("b")];

    for (const part of [stored("a"), stored("b")]) {
      expect(() => isRepeated("message", requests, [part])).toThrow(
        expect.objectContaining(ID_REUSED),
      );
    }
  });

  it("refuses another hash, be it the only one or one of many", () => {
    const both = [stored("a"), stored("b", 2)];

    expect(() => isRepeated("state", [request("a")], [stored("a", 2)])).toThrow(
      expect.objectContaining(ID_REUSED),
    );
    expect(() => isRepeated("state", [request("a"), request("b")], both)).toThrow(
      expect.objectContaining(ID_REUSED),
    );
  });

  it.each([
    ["message", "MESSAGE_DELETED"],
    ["state", "STATE_DELETED"],
  ] as const)("says of a deleted %s that it is %s, whatever else is stored", (thing, reason) => {
    const requests = [request("a"), request("b"), request("c")];

    expect(() => isRepeated(thing, requests, [stored("a", 9), deleted("b")])).toThrow(
      expect.objectContaining({ code: "already_exists", reason }),
    );
  });
});
