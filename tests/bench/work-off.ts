/** How much there is to do. */
export interface Work {
  readonly count: number;
  /** How many pieces are under way at any time. */
  readonly atOnce: number;
}

/** Does pieces of work, numbered from 0, each of the workers one after the other. */
export async function workOff(
  { count, atOnce }: Work,
  work: (index: number) => Promise<unknown>,
): Promise<void> {
  let begun = 0;
  const worker = async () => {
    while (begun < count) {
      begun += 1;
      await work(begun - 1);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
