import { once } from "node:events";
import { expect, it } from "vitest";
import { gate } from "./gate.js";
import { startModelServer } from "./model-server.js";

const SILENCE_MS = 1_000;

it("a model behind an endpoint is not silent while its answer is not taken", async () => {
  const taken = gate();
  const { model } = await startModelServer([{ texts: ["Hel", "lo"], until: taken.opened }]);
  const request = { messages: [], tools: [], signal: new AbortController().signal };
  const impatient = model({ timeoutMs: SILENCE_MS });
  await impatient.load();
  const texts: string[] = [];

  for await (const chunk of impatient.stream(request)) {
    if (chunk.type !== "text") continue;
    if (texts.length === 0) await once(AbortSignal.timeout(1.5 * SILENCE_MS), "abort");
    texts.push(chunk.text);
    if (texts.length === 2) taken.open();
  }

  expect(texts).toEqual(["Hel", "lo"]);
});
