/** Counts the signals that a signal knows it is a source of, for as long as it lives. */
export function countDependants(signal: AbortSignal): number {
  const symbol = Object.getOwnPropertySymbols(signal).find(
    ({ description }) => description === "kDependantSignals",
  );
  const dependants: unknown = symbol && Reflect.get(signal, symbol);
  // A Set of Node.js's own, which is no instance of Set.
  return typeof dependants === "object" ? Reflect.get(dependants ?? {}, "size") : 0;
}
