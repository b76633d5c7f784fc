import { type Session, type SessionInfo, type State, StateError } from "@mofa-state/client";
import type { SettingSources } from "../read-settings.js";
import { write } from "./output.js";
import { type CommandRun, findSession, withServer } from "./server-calls.js";
import { toSessionLine } from "./session-line.js";

/** A session, and how many forks lie between it and the first one of its tree. */
interface Branch {
  readonly info: SessionInfo;
  readonly depth: number;
}

/**
 * Writes the tree that a session belongs to: the oldest of its origins that is still there,
 * and below each session its forks, in the order of what they share.
 *
 * @throws UsageError if a setting cannot be used.
 * @throws StateError if the server cannot be reached, or the session is not there.
 */
export async function showSessionTree(
  session: string,
  sources: SettingSources,
  run: CommandRun,
): Promise<void> {
  const toLine = toSessionLine(run.output, sources);
  await withServer(sources, run, async (state) => {
    const found = await findSession(state, session);
    const root = await findRoot(state, found);
    for await (const { info, depth } of branches(state, root)) {
      await write(run.output, toLine(info, depth));
    }
  });
}

async function findRoot(state: State, session: Session): Promise<SessionInfo> {
  let { info } = session;
  while (info.forkSessionId !== undefined) {
    try {
      ({ info } = await state.sessions.get(info.forkSessionId));
    } catch (error) {
      const isGone = error instanceof StateError && error.code === "not_found";
      if (!isGone) throw error;
      break;
    }
  }
  return info;
}

async function* branches(state: State, root: SessionInfo): AsyncGenerator<Branch, void> {
  // A list of what is still to be shown, since forks of forks may lie thousands deep.
  const waiting: Branch[] = [{ info: root, depth: 0 }];
  for (let branch = waiting.pop(); branch !== undefined; branch = waiting.pop()) {
    yield branch;
    const depth = branch.depth + 1;
    const forks = await listForks(state, branch.info.id);
    for (const info of forks.toReversed()) waiting.push({ info, depth });
  }
}

async function listForks(state: State, forkSessionId: string): Promise<readonly SessionInfo[]> {
  const forks: SessionInfo[] = [];
  for await (const info of state.sessions.list({ forkSessionId })) forks.push(info);
  return forks.sort(
    (a, b) => a.forkSequence - b.forkSequence || a.createdAt.getTime() - b.createdAt.getTime(),
  );
}
