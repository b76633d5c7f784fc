import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Who a child process runs as; empty for who this process runs as. */
export interface Identity {
  readonly uid?: number;
  readonly gid?: number;
}

/** Gives the user `nobody` where this process is root, which database servers refuse to be. */
export async function unprivilegedIdentity(): Promise<Identity> {
  if (process.getuid?.() !== 0) return {};
  const [uid, gid] = await Promise.all([run("id", ["-u", "nobody"]), run("id", ["-g", "nobody"])]);
  return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
}
