import { randomUUID } from "node:crypto";
import { Writable } from "node:stream";
import type { Session, State } from "@mofa-state/client";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Output } from "../../../server/src/command/output.js";
import { tail } from "../../../server/src/command/tail.js";
import { UsageError } from "../../../server/src/domain/usage-error.js";
import { type CommandProcess, runCommand, startCommand } from "../../support/server-process.js";
import { Terminal } from "../../support/terminal.js";
import { connectForTest, startTestServer } from "../../support/test-server.js";

interface Setting {
  readonly address: string;
  readonly state: State;
  readonly session: Session;
}

/** A server in this process, and a session with one message there. */
async function startWithSession(): Promise<Setting> {
  const { address } = await startTestServer({ database: "memory:" });
  const state = await connectForTest(address);
  const session = await state.sessions.open({ key: "support-42" });
  await session.append({ role: "user", content: "Hello" });
  return { address, state, session };
}

function startTail(name: string, address: string, ...args: readonly string[]): CommandProcess {
  return startCommand(["tail", name, "--address", address, ...args]);
}

/** Runs `tail` in this process, until the test ends at the latest. */
function tailOn(
  output: Output,
  { address, session }: Setting,
  { flags = {}, environment = {} }: Partial<Parameters<typeof tail>[1]> = {},
) {
  const ending = new AbortController();
  const given = { flags: { address, ...flags }, environment };
  const ended = tail(session.id, given, { output, signal: ending.signal });
  onTestFinished(async () => {
    ending.abort();
    await ended.catch(() => undefined);
  });
  return { ended, end: () => ending.abort() };
}

describe("mofa-state tail", () => {
  it.each(["SIGINT", "SIGTERM"] as const)(
    "writes JSON lines to a pipe until %s, and succeeds",
    async (signal) => {
      const { address, session } = await startWithSession();
      const command = startTail("support-42", address);
      await command.untilWritten("stdout", /"Hello".*\n/);
      const reply = session.write({ role: "assistant" });
      await reply.write("Hi");
      await command.untilWritten("stdout", /"text_delta".*\n/);
      await reply.finish();
      await command.untilWritten("stdout", /"message_updated".*\n/);

      command.kill(signal);

      const { code, stdout, stderr } = await command.exited;
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      const events = stdout
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
      expect(events).toMatchObject([
        { type: "message", message: { sequence: 1, content: "Hello", status: "complete" } },
        { type: "message", message: { sequence: 2, role: "assistant", status: "streaming" } },
        { type: "text_delta", sequence: 2, offset: 0, text: "Hi" },
        { type: "message_updated", message: { content: "Hi", status: "complete" } },
      ]);
    },
  );

  it("finds a session by its id, and by a key that looks like an id", async () => {
    const { address, state, session } = await startWithSession();
    const key = randomUUID();
    const named = await state.sessions.open({ key });
    await named.append({ role: "user", content: "by key" });

    const byId = startTail(session.id.toUpperCase(), address);
    const byKey = startTail(key, address);

    await byId.untilWritten("stdout", /"Hello".*\n/);
    await byKey.untilWritten("stdout", /"by key".*\n/);
  });

  it("says that the session was deleted, and fails", async () => {
    const { address, session } = await startWithSession();
    const command = startTail(session.id, address);
    await command.untilWritten("stdout", /"Hello".*\n/);

    await session.delete();

    const { code, stdout, stderr } = await command.exited;
    expect(code).toBe(1);
    expect(stdout).toMatch(/"session_deleted".*\n$/);
    expect(stderr).toMatch(/^mofa-state: session \S+ was deleted[^\n]*\n$/);
  });

  it.each(["nobody", randomUUID(), "\u001b[2J"])("fails in one sentence for %j", async (name) => {
    const { address } = await startWithSession();

    const { code, stdout, stderr } = await runCommand(["tail", name, "--address", address]);

    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^mofa-state: [^\n]+\n$/);
    expect(stderr).not.toContain("\u001b");
  });

  it("works in the tenant that the variable names", async () => {
    const { address } = await startTestServer({ database: "memory:" });
    const tenantId = randomUUID();
    const state = await connectForTest(address, { tenantId });
    const session = await state.sessions.open({ key: "theirs" });
    await session.append({ role: "user", content: "Hello" });
    const variables = { MOFA_STATE_ADDRESS: address, MOFA_STATE_TENANT: tenantId };

    const command = startCommand(["tail", "theirs"], { env: variables });

    await command.untilWritten("stdout", /"Hello".*\n/);
  });

  it("refuses a tenant that is none as wrong usage", async () => {
    const setting = await startWithSession();

    const { ended } = tailOn(new Terminal(), setting, { flags: { tenant: "ours" } });

    await expect(ended).rejects.toThrow(UsageError);
  });

  it("shows an answer in a terminal while it grows", async () => {
    const setting = await startWithSession();
    const terminal = new Terminal();
    const { ended, end } = tailOn(terminal, setting, { environment: { NO_COLOR: "1" } });
    await terminal.untilShown("Hello");
    const reply = setting.session.write({ role: "assistant" });
    for (const word of ["Durable", " while", " it grows"]) {
      await reply.write(word);
      await terminal.untilShown(word);
    }

    end();

    await ended;
    expect(terminal.screen).toBe(
      "user #1\nHello\n\nassistant #2\nDurable while it grows\n[still being written]\n\n",
    );
  });

  it("begins with as many messages as it is told", async () => {
    const setting = await startWithSession();
    await setting.session.append([2, 3].map((n) => ({ role: "user", content: `number ${n}` })));
    const terminal = new Terminal();

    tailOn(terminal, setting, { flags: { last: "1" } });

    await terminal.untilShown("number 3");
    expect(terminal.screen).not.toContain("number 2");
  });

  it("colours a terminal unless it is asked for JSON", async () => {
    const setting = await startWithSession();
    const [coloured, json] = [new Terminal(), new Terminal()];

    tailOn(coloured, setting);
    tailOn(json, setting, { flags: { json: true } });

    await coloured.untilShown("Hello");
    await json.untilShown("Hello");
    expect(coloured.screen).toContain("\u001b[36muser");
    expect(JSON.parse(json.screen)).toMatchObject({ type: "message" });
  });

  it("ends quietly when nobody reads what it writes", async () => {
    const setting = await startWithSession();
    const gone = Object.assign(new Error("write EPIPE"), { code: "EPIPE" });
    const output = new Writable({ write: (_chunk, _encoding, done) => done(gone) });

    const { ended } = tailOn(output, setting);

    await expect(ended).resolves.toBeUndefined();
  });
});
