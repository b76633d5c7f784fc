import { expect, it } from "vitest";
import { Coalesced } from "../../../../server/src/domain/follow/coalesced.js";

interface Run {
  readonly finish: () => void;
  readonly fail: (error: Error) => void;
}

function startable(): { readonly runs: Run[]; readonly coalesced: Coalesced } {
  const runs: Run[] = [];
  const coalesced = new Coalesced(() => new Promise((finish, fail) => runs.push({ finish, fail })));
  return { runs, coalesced };
}

it("does the work at once, and for all who ask meanwhile together afterwards", async () => {
  const { runs, coalesced } = startable();
  const first = coalesced.run();
  const later = [coalesced.run(), coalesced.run()];
  expect(runs).toHaveLength(1);

  runs[0]?.finish();
  await first;
  const last = coalesced.run();
  await new Promise(setImmediate);
  expect(runs).toHaveLength(2);
  runs[1]?.finish();

  await Promise.all([...later, last]);
  expect(runs).toHaveLength(2);
});

it("gives a failure to those whose work it was, and goes on", async () => {
  const { runs, coalesced } = startable();
  const failing = coalesced.run();
  const next = coalesced.run();

  runs[0]?.fail(new Error("lost"));
  await expect(failing).rejects.toThrow("lost");
  await new Promise(setImmediate);
  runs[1]?.finish();

  await expect(next).resolves.toBeUndefined();
});
