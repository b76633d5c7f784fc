import { randomUUID } from "node:crypto";
import type { ApiCall, Message, State } from "@mofa-state/client";
import { LLMAgentBuilder, PersistencePlugin } from "@mofa-state/client/agent";
import { collect } from "../support/collect.js";

/** Who an agent works for. */
export interface Owner {
  readonly userId: string;
  readonly agentId: string;
}

/** Chooses a user and an agent that nobody else is. */
export function newOwner(): Owner {
  return { userId: randomUUID(), agentId: randomUUID() };
}

const NOBODY = "00000000-0000-0000-0000-000000000000";

/** Gives a plugin for a store, in its tenant. */
export function pluginOf(store: State, sessionId: string, owner = newOwner()): PersistencePlugin {
  const { userId, agentId } = owner;
  const { tenantId = NOBODY } = store;
  return new PersistencePlugin("persistence", store, userId, tenantId, agentId, sessionId);
}

/** Begins an agent whose session the store keeps. */
export function agentOn(
  store: State,
  { sessionId = randomUUID() as string, owner = newOwner() } = {},
): LLMAgentBuilder {
  return new LLMAgentBuilder().withPersistencePlugin(pluginOf(store, sessionId, owner));
}

/** Gives a session's messages, each in short. */
export async function stored(store: State, sessionId: string): Promise<readonly string[]> {
  const session = await store.sessions.get(sessionId);
  return (await collect(session.messages())).map(inShort);
}

/** Gives a message as its role and text, with its status unless it is complete. */
export function inShort({ role, content, status }: Message): string {
  return status === "complete" ? `${role}: ${content}` : `${role}: ${content} (${status})`;
}

/** Gives a session's calls, the oldest first. */
export async function callsOf(store: State, sessionId: string): Promise<readonly ApiCall[]> {
  return (await collect(store.usage.list({ sessionId }))).toReversed();
}
