import { describe, expect, it } from "vitest";
import { Checks } from "../../../server/src/domain/checks.js";
import { DEFAULT_LIMITS } from "../../../server/src/domain/limits.js";
import { toListPage, toPageBounds, toPagePosition } from "../../../server/src/domain/page.js";

const BINDING = { list: "numbers" };

describe("a page's bounds", () => {
  it.each([
    [0, 50],
    [1, 1],
    [999, 999],
    [1_000, 1_000],
    [1_001, 1_000],
    [2 ** 31 - 1, 1_000],
  ])("are, for the size %i, %i items and 2 MiB", (pageSize, maxItems) => {
    const bounds = toPageBounds(new Checks(), { pageSize, pageToken: "" }, DEFAULT_LIMITS);

    expect(bounds).toEqual({ maxItems, maxBytes: 2_097_152 });
  });

  it("never pass the most that a page may hold, by default neither", () => {
    const limits = { ...DEFAULT_LIMITS, maxPageSize: 10 };

    const bounds = toPageBounds(new Checks(), { pageSize: 0, pageToken: "" }, limits);

    expect(bounds.maxItems).toBe(10);
  });
});

describe("a page's token", () => {
  it("is there where more follows, and continues after the last item", () => {
    const page = toListPage({ items: [3, 4], hasMore: true }, BINDING, (item) => [item]);
    const request = { pageSize: 0, pageToken: page.nextPageToken };

    expect(toPagePosition(new Checks(), request, { binding: BINDING, shape: ["number"] })).toEqual([
      4,
    ]);
  });

  it("is empty on the last page, and stands for the first one there", () => {
    const page = toListPage({ items: [3], hasMore: false }, BINDING, (item) => [item]);
    const request = { pageSize: 0, pageToken: page.nextPageToken };

    expect(page.nextPageToken).toBe("");
    expect(
      toPagePosition(new Checks(), request, { binding: BINDING, shape: ["number"] }),
    ).toBeUndefined();
  });
});
