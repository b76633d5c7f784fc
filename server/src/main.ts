#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { TAIL_SETTINGS } from "./command/tail-settings.js";
import { toOneLine } from "./command/terminal-text.js";
import { UsageError } from "./domain/usage-error.js";
import { addSettings, type SettingSources } from "./read-settings.js";
import { SETTINGS } from "./settings.js";
import { packageVersion } from "./version.js";

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

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
    .option("--json", "write JSON lines, as is done where the output is no terminal")
    .action(runTail);
  return program;
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

function messageOf(error: unknown): string {
  return toOneLine(error instanceof Error ? error.message : String(error));
}

process.exit(await main(process.argv));
