import { UsageError } from "../domain/usage-error.js";
import type { SettingSources } from "../read-settings.js";
import { write } from "./output.js";
import { type CommandRun, findSession, withServer } from "./server-calls.js";
import { toSessionLine } from "./session-line.js";

/**
 * Forks a session at the flag `--at`, or at its head, and writes the fork.
 *
 * @throws UsageError if a flag or setting cannot be used.
 * @throws StateError if the server cannot be reached, or refuses the fork.
 */
export async function forkSession(
  session: string,
  sources: SettingSources,
  run: CommandRun,
): Promise<void> {
  const { flags } = sources;
  const fork = {
    at: toSequence(flags.at),
    key: toText("--key", flags.key),
    title: toText("--title", flags.title),
  };
  const toLine = toSessionLine(run.output, sources);
  await withServer(sources, run, async (state) => {
    const origin = await findSession(state, session);
    const { info } = await origin.fork(fork);
    await write(run.output, toLine(info, 0));
  });
}

function toSequence(flag: unknown): number | undefined {
  if (flag === undefined) return undefined;
  if (typeof flag === "string" && /^\d{1,15}$/.test(flag)) return Number(flag);
  throw new UsageError(`--at: "${flag}" is not a sequence: give a whole number, 0 or more`);
}

function toText(name: string, flag: unknown): string | undefined {
  if (flag === "") throw new UsageError(`${name}: give a value`);
  return typeof flag === "string" ? flag : undefined;
}
