import type { Page, PageBounds } from "../domain/storage.js";

/**
 * Takes from the front of `candidates` what fits on a page: at most `maxItems`, and no
 * more than `maxBytes` together, but one at least.
 */
export function takePage<T>(
  candidates: readonly T[],
  { maxItems, maxBytes }: PageBounds,
  measure: (candidate: T) => number,
): Page<T> {
  let bytes = 0;
  const end = candidates.findIndex((candidate, index) => {
    bytes += measure(candidate);
    return index > 0 && (index >= maxItems || bytes > maxBytes);
  });
  return end === -1
    ? { items: candidates, hasMore: false }
    : { items: candidates.slice(0, end), hasMore: true };
}
