import type { ContextOptions } from "@mofa-state/client";
import { expect, it } from "vitest";
import { describeDatabases } from "../support/databases.js";
import { namesOf, play } from "./conversations.js";
import { shareServer } from "./shared-server.js";

const SEVEN = "sys u1 a1 u2 a2 u3 a3";

/** A conversation, what is asked of it, and what is given. */
type Cut = readonly [conversation: string, options: ContextOptions, given: string];

const CUTS: Readonly<Record<string, readonly Cut[]>> = {
  "gives the newest turns, behind the system message": [
    [SEVEN, { maxTurns: 2 }, "sys u2 a2 u3 a3"],
    [SEVEN, { maxTurns: 1 }, "sys u3 a3"],
    [SEVEN, { maxTurns: 3 }, SEVEN],
    [SEVEN, { maxTurns: 100 }, SEVEN],
    [`${SEVEN} u4`, { maxTurns: 2 }, "sys u3 a3 u4"],
  ],
  "gives everything where nothing limits it": [
    [SEVEN, {}, SEVEN],
    ["u1", {}, "u1"],
    ["u1 a1(x) t(x) s2 a2", {}, "u1 a1(x) t(x) s2 a2"],
  ],
  "never begins with an assistant or a tool": [
    ["a0 u1 a1", {}, "u1 a1"],
    ["sys a0 t(z) a0(x) t(x) u1 a1", {}, "sys u1 a1"],
    ["a0! u1 a1", {}, "u1 a1"],
    [SEVEN, { maxMessages: 4 }, "sys u3 a3"],
  ],
  "counts messages, the kept ones too": [
    [SEVEN, { maxMessages: 5 }, "sys u2 a2 u3 a3"],
    [SEVEN, { maxMessages: 6 }, "sys u2 a2 u3 a3"],
    [SEVEN, { maxMessages: 7 }, SEVEN],
    [SEVEN, { maxMessages: 2 }, "sys u3"],
    [SEVEN, { maxMessages: 7, maxTurns: 1 }, "sys u3 a3"],
  ],
  "never separates a call from its results": [
    ["u1 a1(x) t(x) a2 u2 a3(y) t(y) a4", { maxMessages: 6 }, "u2 a3(y) t(y) a4"],
    ["u1 a1(x) t(x) a2(y,z) t(y) t(z) a3", { maxMessages: 5 }, "u1 a2(y,z) t(y) t(z) a3"],
    ["u1 a1(x) t(x) a2(y,z) t(y) t(z) a3", { maxMessages: 4 }, "u1 a3"],
    ["u1 a1(x) u2 t(x) a2", { maxTurns: 1 }, "u2 a2"],
    ["u1 a1(x) u2 t(x) a2", { maxTurns: 2 }, "u1 a1(x) t(x) u2 a2"],
    ["u1 a1(x) a2(y) t(x,y) a3", { maxMessages: 3 }, "u1 a3"],
    ["u1 a1(x) a2(y) t(x,y) a3", { maxMessages: 5 }, "u1 a1(x) a2(y) t(x,y) a3"],
  ],
  "gives the newest steps of a turn that is too large": [
    ["sys u1 a1(x) t(x) a2(y) t(y)", { maxMessages: 4 }, "sys u1 a2(y) t(y)"],
    ["u0 u1 a1 a2 a3 a4 a5", { maxMessages: 3 }, "u1 a4 a5"],
  ],
  "keeps system messages wherever they are": [
    ["sys u1 a1 s2 u2 a2 s3 u3", { maxTurns: 1 }, "sys s2 s3 u3"],
    ["sys u1 s2", { maxMessages: 3 }, "sys u1 s2"],
  ],
  "keeps what is pinned, with what it cannot be without": [
    ["u1! a1 u2 a2 u3 a3", { maxTurns: 1 }, "u1 u3 a3"],
    ["u1 a1! u2 a2 u3 a3", { maxTurns: 1 }, "u1 a1 u3 a3"],
    ["u1 a1(x) t(x)! a2 u3 a3", { maxTurns: 1 }, "u1 a1(x) t(x) u3 a3"],
    ["u1 a1(x,y)! a2 t(x) t(y) a4 u3 a3", { maxTurns: 1 }, "u1 a1(x,y) t(x) t(y) u3 a3"],
    ["u1 a1! u2 a2 u3 a3", { maxMessages: 5 }, "u1 a1 u3 a3"],
    ["u1 a1! u2 a2 u3 a3", { maxMessages: 3 }, "u1 a1 u3"],
    ["u1 a1! u2 a2 u3 a3", { maxTurns: 3 }, "u1 a1 u2 a2 u3 a3"],
    ["u1 t(x)! u2", { maxTurns: 1 }, "u2"],
  ],
  "leaves out results without a call": [
    ["u1 a1(x) t(x) t(x) t(w) a2", {}, "u1 a1(x) t(x) a2"],
    ["u1 t(x) a1(x) a2", {}, "u1 a1(x) a2"],
  ],
  "keeps a tool's message without any result with the step that it follows": [
    ["u1 a1 t a2", { maxMessages: 4 }, "u1 a1 t a2"],
    ["u1 a1 t a2", { maxMessages: 3 }, "u1 a2"],
    ["u1 a1 t! a2 u2", { maxTurns: 1 }, "u1 a1 t u2"],
    ["u1 t u2 a2", {}, "u1 u2 a2"],
  ],
  "gives the newest of a session without user messages": [
    ["sys a1 a2(x) t(x) a3", {}, "sys a1 a2(x) t(x) a3"],
    ["sys a1 a2(x) t(x) a3", { maxMessages: 3 }, "sys a3"],
    ["sys a1 a2(x) t(x) a3", { maxMessages: 4, maxTurns: 1 }, "sys a2(x) t(x) a3"],
    ["sys a1! a2 a3", { maxMessages: 3 }, "sys a1 a3"],
  ],
  "answers interrupted calls where it is asked to": [
    ["u1 a1(x)", { answerInterruptedCalls: true }, "u1 a1(x) ?(x)"],
    ["u1 a1(x,y,z) t(y) u2", { answerInterruptedCalls: true }, "u1 a1(x,y,z) t(y) ?(x,z) u2"],
    ["u1 a1(x) u2 a2", { answerInterruptedCalls: true, maxMessages: 4 }, "u2 a2"],
    ["u1 a1(x) u2 a2", { answerInterruptedCalls: true, maxMessages: 5 }, "u1 a1(x) ?(x) u2 a2"],
    ["u1 a1(x)! u2", { answerInterruptedCalls: true, maxTurns: 1 }, "u1 a1(x) ?(x) u2"],
    ["u1 a1(x) u2 a2", {}, "u1 a1(x) u2 a2"],
  ],
};

describeDatabases("a context", (database) => {
  const server = shareServer(database);

  for (const [name, cuts] of Object.entries(CUTS)) {
    it(name, async () => {
      const state = await server.connect();
      for (const [conversation, options, given] of cuts) {
        const session = await state.sessions.create();
        await play(session, conversation);
        const { messages } = await session.context(options);
        expect([conversation, options, namesOf(messages)]).toEqual([conversation, options, given]);
      }
    });
  }
});
