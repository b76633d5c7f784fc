import type { AgentState, Message, Session, SessionInfo } from "@mofa-state/client";
import { collect } from "./collect.js";

/** What the store says of a session when nothing is under way in it. */
export interface StoredSession {
  readonly info: SessionInfo;
  readonly messages: readonly Message[];
  /** The current states. */
  readonly states: readonly AgentState[];
}

/** Reads all of a session that followers are told of. */
export async function readStored(session: Session): Promise<StoredSession> {
  const messages = await collect(session.listMessages({ pageSize: 1_000 }));
  const versions = await collect(session.state.list());
  const rising = versions.toSorted((a, b) => a.version - b.version);
  const states = [...new Map(rising.map((state) => [state.key, state])).values()];
  return { info: await session.refresh(), messages, states };
}
