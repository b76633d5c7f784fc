import { readFile } from "node:fs/promises";
import { expect, onTestFinished } from "vitest";
import { runSql } from "../support/run-sql.js";

/**
 * Stops every process of a PostgreSQL server, and gives the function that lets them go on.
 *
 * They go on when the test ends at the latest.
 */
export async function freezePostgres(url: string): Promise<() => void> {
  const [settings] = await runSql(url, "SHOW data_directory");
  const file = await readFile(`${settings?.data_directory}/postmaster.pid`, "utf8");
  const backends = await runSql(url, "SELECT pid FROM pg_stat_activity");
  const pids = [Number.parseInt(file, 10), ...backends.map(({ pid }) => Number(pid))];
  const tell = (signal: NodeJS.Signals) => {
    for (const pid of pids) signalIfThere(pid, signal);
  };
  onTestFinished(() => tell("SIGCONT"));
  tell("SIGSTOP");
  return () => tell("SIGCONT");
}

/** One of the backends is that of the query which asked for them, and has ended. */
function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    expect(error).toMatchObject({ code: "ESRCH" });
  }
}
