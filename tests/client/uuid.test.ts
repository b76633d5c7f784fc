import { describe, expect, it } from "vitest";
import { newId } from "../../client/src/uuid.js";

describe("newId", () => {
  it("makes UUIDs of version 7 in lower case", () => {
    expect(newId()).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
  });

  it("begins with the time", () => {
    const before = Date.now();

    const ms = Number.parseInt(newId().replaceAll("-", "").slice(0, 12), 16);

    expect(ms).toBeGreaterThanOrEqual(before);
    expect(ms).toBeLessThan(before + 60_000);
  });

  it("ascends, also past the counter of one millisecond", () => {
    const ids = Array.from({ length: 20_000 }, newId);

    expect(ids).toEqual([...new Set(ids)].sort());
  });
});
