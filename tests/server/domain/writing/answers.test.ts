import { expect, it } from "vitest";
import { Answers } from "../../../../server/src/domain/writing/answers.js";
import { collect } from "../../../support/collect.js";

it("keeps the oldest and the newest of what is not taken", async () => {
  const answers = new Answers(() => {});

  for (let offset = 0; offset < 100; offset += 1) {
    answers.acknowledge({ messageId: "m", sequence: 1, offset, partCount: 0 });
  }
  answers.end(undefined);

  expect(await collect(answers)).toMatchObject([{ offset: 0 }, { offset: 99 }]);
});

it("tells when nobody takes the answers any more", async () => {
  let isLeft = false;
  const answers = new Answers(() => {
    isLeft = true;
  });
  answers.acknowledge({ messageId: "m", sequence: 1, offset: 0, partCount: 0 });

  for await (const _ of answers) break;

  expect(isLeft).toBe(true);
});
