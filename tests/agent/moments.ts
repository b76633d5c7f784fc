/** How many moments are tried: from too early to too late for what is to be hit. */
export const MOMENTS = 24;

/** Lets so many microtasks pass. */
export async function pass(count: number): Promise<void> {
  for (let passed = 0; passed < count; passed++) await Promise.resolve();
}
