import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** How often a process is looked at, in milliseconds. */
const INTERVAL_MS = 25;

/** Bytes in a mebibyte. */
export const MIB = 1024 * 1024;

/** How much of a process lies in memory, in bytes, as Linux counts it. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kibibytes === undefined) throw new Error(`process ${pid} does not tell its memory`);
  return Number(kibibytes) * 1024;
}

/** Looks at a process so many times in a row, and gives the most that lay in memory. */
export async function peakOfSamples(pid: number, samples: number): Promise<number> {
  let peak = 0;
  for (let sample = 0; sample < samples; sample++) {
    peak = Math.max(peak, await residentBytes(pid));
    await sleep(INTERVAL_MS);
  }
  return peak;
}
