import { describe, expect, it } from "vitest";
import { showSessionTree } from "../../../server/src/command/sessions-tree.js";
import type { SettingSources } from "../../../server/src/read-settings.js";
import { runCommand } from "../../support/server-process.js";
import { Terminal } from "../../support/terminal.js";
import { connectForTest, startTestServer } from "../../support/test-server.js";

/** A server in this process, and a session with two messages there. */
async function startWithSession() {
  const { address } = await startTestServer({ database: "memory:" });
  const state = await connectForTest(address);
  const session = await state.sessions.open({ key: "support-42" });
  await session.append(["one", "two"].map((content) => ({ role: "user", content })));
  const run = (...args: readonly string[]) =>
    runCommand(["sessions", ...args, "--address", address]);
  /** Shows a tree in a terminal, and gives what stands there. */
  const showTree = async (name: string, flags: SettingSources["flags"] = {}, noColour = "1") => {
    const output = new Terminal();
    const environment = { NO_COLOR: noColour };
    await showSessionTree(name, { flags: { address, ...flags }, environment }, { output });
    return output.screen;
  };
  return { state, session, run, showTree };
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

  it("draws the tree in a terminal, each fork a step further in than its origin", async () => {
    const { session, showTree } = await startWithSession();
    const late = await session.fork();
    const early = await session.fork({ at: 1, key: "retry", title: "Try\u001b[2J\nagain" });
    await early.append({ role: "user", content: "other" });
    const leaf = await early.fork({ title: "Leaf" });

    const screen = await showTree(leaf.id);

    expect(screen.split("\n")).toEqual([
      "support-42 (2 messages)",
      "  retry Try␛[2J again (forked at 1, 2 messages)",
      `    ${leaf.id} Leaf (forked at 2, 2 messages)`,
      `  ${late.id} (forked at 2, 2 messages)`,
      "",
    ]);
  });

  it("marks what is shared with a deleted origin, and counts one message as one", async () => {
    const { session, showTree } = await startWithSession();
    const fork = await session.fork({ at: 1 });
    await session.delete();

    expect(await showTree(fork.id)).toBe(`${fork.id} (forked at 1, 1 message)\n`);
  });

  it("colours the tree in a terminal unless it is asked for JSON", async () => {
    const { session, showTree } = await startWithSession();

    const coloured = await showTree("support-42", {}, "");
    const json = await showTree("support-42", { json: true });

    expect(coloured).toBe("\u001b[1msupport-42\u001b[22m \u001b[2m(2 messages)\u001b[22m\n");
    expect(toLines(json)).toMatchObject([{ id: session.id, key: "support-42" }]);
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
