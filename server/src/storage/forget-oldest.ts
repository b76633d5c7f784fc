/** Removes the first of the values that are kept, in the order in which they came, if there are too many. */
export function forgetOldest<Key>(kept: Map<Key, unknown> | Set<Key>, maxSize: number): void {
  if (kept.size <= maxSize) return;
  const [oldest] = kept.keys();
  if (oldest !== undefined) kept.delete(oldest);
}
