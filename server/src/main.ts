#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { CONNECTION_SETTINGS } from "./command/connection-settings.js";
import { TAIL_SETTINGS } from "./command/tail-settings.js";
import { toOneLine } from "./command/terminal-text.js";
import { UsageError } from "./domain/usage-error.js";
import { addSettings, type SettingSources } from "./read-settings.js";
import { SETTINGS } from "./settings.js";
import { packageVersion } from "./version.js";

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

const JSON_FLAG = [
  "--json",
  "write JSON lines, as is done where the output is no terminal",
] as const;

/** Runs the command `mofa-state`, and gives its exit code. */
async function main(argv: readonly string[]): Promise<number> {
  try {
    await commandLine().parseAsync(argv);
    return 0;
  } catch (error) {
    // Commander has written its own errors, help and version already.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    process.stderr.write(`mofa-state: ${messageOf(error)}\n`);
    return error instanceof UsageError ? EXIT_USAGE : EXIT_FAILURE;
  }
}

function commandLine(): Command {
  const program = new Command("mofa-state")
    .description("Keeps the sessions, conversation history and state of agents.")
    .version(packageVersion())
    .exitOverride();
  const serve = program.command("serve").description("Runs the server until SIGTERM or SIGINT.");
  addSettings(serve, Object.values(SETTINGS)).action(runServe);
  const migrate = program
    .command("migrate")
    .description("Brings the schema of a database up to date.");
  addSettings(migrate, [SETTINGS.database]).action(runMigrate);
  const tail = program
    .command("tail")
    .description("Shows a session as it happens, until SIGTERM or SIGINT.")
    .argument("<session>", "the session's id or key");
  addSettings(tail, Object.values(TAIL_SETTINGS))
    .option(...JSON_FLAG)
    .action(runTail);
  addSessions(program.command("sessions").description("Shows and forks sessions."));
  return program;
}

function addSessions(sessions: Command): void {
  const settings = Object.values(CONNECTION_SETTINGS);
  const fork = sessions
    .command("fork")
    .description("Cuts a new session from one, with its messages up to there, and shows it.")
    .argument("<session>", "the session's id or key")
    .option("--at <sequence>", "the last sequence that it shares (the session's head)")
    .option("--key <key>", "the key of the fork")
    .option("--title <title>", "the title of the fork (the session's title)");
  addSettings(fork, settings)
    .option(...JSON_FLAG)
    .action(runFork);
  const tree = sessions
    .command("tree")
    .description("Shows the tree of forks that a session belongs to.")
    .argument("<session>", "the session's id or key");
  addSettings(tree, settings)
    .option(...JSON_FLAG)
    .action(runTree);
}

// Loaded when needed: the database layer takes longer to load than all else.

async function runServe(flags: SettingSources["flags"]): Promise<void> {
  const { serve } = await import("./command/serve.js");
  await serve({ flags, environment: process.env });
}

async function runMigrate(flags: SettingSources["flags"]): Promise<void> {
  const { migrate } = await import("./command/migrate.js");
  await migrate({ flags, environment: process.env });
}

async function runTail(session: string, flags: SettingSources["flags"]): Promise<void> {
  const { tail } = await import("./command/tail.js");
  const ending = new AbortController();
  // A second signal ends the process by itself.
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => ending.abort());
  const sources = { flags, environment: process.env };
  await tail(session, sources, { output: process.stdout, signal: ending.signal });
}

async function runFork(session: string, flags: SettingSources["flags"]): Promise<void> {
  const { forkSession } = await import("./command/sessions-fork.js");
  await forkSession(session, { flags, environment: process.env }, { output: process.stdout });
}

async function runTree(session: string, flags: SettingSources["flags"]): Promise<void> {
  const { showSessionTree } = await import("./command/sessions-tree.js");
  await showSessionTree(session, { flags, environment: process.env }, { output: process.stdout });
}

function messageOf(error: unknown): string {
  return toOneLine(error instanceof Error ? error.message : String(error));
}

process.exit(await main(process.argv));
