#!/usr/bin/env node
import { Command, CommanderError } from "commander";
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
  addSettings(
    program.command("serve").description("Runs the server until SIGTERM or SIGINT."),
    Object.values(SETTINGS),
  ).action(async (flags: SettingSources["flags"]) => {
    // Loaded when needed: the database layer takes longer to load than all else.
    const { serve } = await import("./serve-command.js");
    await serve({ flags, environment: process.env });
  });
  addSettings(
    program.command("migrate").description("Brings the schema of a database up to date."),
    [SETTINGS.database],
  ).action(async (flags: SettingSources["flags"]) => {
    const { migrate } = await import("./migrate-command.js");
    await migrate({ flags, environment: process.env });
  });
  return program;
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll(/\s+/g, " ");
}

process.exit(await main(process.argv));
