import { describe, expect, it } from "vitest";
import { runCommand } from "../../support/server-process.js";
import { connectForTest, startTestServer } from "../../support/test-server.js";

/** A server in this process, and a session with two messages there. */
async function startWithSession() {
  const { address } = await startTestServer({ database: "memory:" });
  const state = await connectForTest(address);
  const session = await state.sessions.open({ key: "support-42" });
  await session.append(["one", "two"].map((content) => ({ role: "user", content })));
  const run = (...args: readonly string[]) =>
    runCommand(["sessions", ...args, "--address", address]);
  return { state, session, run };
}

function toLines(stdout: string) {
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

describe("mofa-state sessions", () => {
  it("forks a session where it is told, and writes the fork", async () => {
    const { state, session, run } = await startWithSession();

    const exit = await run("fork", "support-42", "--at", "1", "--key", "retry", "--title", "Again");

    const { info } = await state.sessions.get({ key: "retry" });
    expect(exit).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(exit.stdout)).toEqual(JSON.parse(JSON.stringify(info)));
    expect(info).toMatchObject({ title: "Again", forkSessionId: session.id, forkSequence: 1 });
  });

  it("shows the whole tree of a fork, from its oldest origin on", async () => {
    const { session, run } = await startWithSession();
    const [late, early] = [await session.fork(), await session.fork({ at: 1 })];
    const leaf = await early.fork();

    const { code, stdout } = await run("tree", leaf.id);

    expect(code).toBe(0);
    const expected = [session.id, early.id, leaf.id, late.id];
    expect(toLines(stdout).map(({ id }) => id)).toEqual(expected);
  });

  it("shows the tree from the oldest origin that was not deleted", async () => {
    const { session, run } = await startWithSession();
    const fork = await session.fork();
    await session.delete();

    const { stdout } = await run("tree", fork.id);

    expect(toLines(stdout)).toMatchObject([{ id: fork.id, forkSessionId: session.id }]);
  });

  it.each([
    ["fork", "nobody"],
    ["fork", "support-42", "--at", "3"],
    ["tree", "nobody"],
  ])("fails in one sentence for %s %s", async (...args) => {
    const { run } = await startWithSession();

    const { code, stdout, stderr } = await run(...args);

    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^mofa-state: [^\n]+\n$/);
  });
});
