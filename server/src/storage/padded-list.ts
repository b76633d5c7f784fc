/** The most values in a list of one statement. */
const MAX_VALUES = 256;

/**
 * Fills a list up with its first value until its length is a power of two: with so many
 * places in a list, there are few statements to prepare.
 */
export function padList<T>(values: readonly T[]): readonly T[] {
  const [first] = values;
  if (first === undefined) return values;
  const length = 2 ** Math.ceil(Math.log2(values.length));
  return [...values, ...Array<T>(length - values.length).fill(first)];
}

/** Cuts values into lists for one statement each, see {@link padList}. */
export function paddedLists<T>(values: readonly T[]): readonly (readonly T[])[] {
  const lists: (readonly T[])[] = [];
  for (let at = 0; at < values.length; at += MAX_VALUES) {
    lists.push(padList(values.slice(at, at + MAX_VALUES)));
  }
  return lists;
}

/** Gives a placeholder for each value of a list, in SQL. */
export function placeholdersOf(values: readonly unknown[]): string {
  return values.map(() => "?").join(", ");
}
