import { isDeepStrictEqual } from "node:util";
import {
  type AgentState,
  Conversation,
  type Message,
  type SessionEvent,
  type SessionInfo,
} from "@mofa-state/client";
import { SessionReplica } from "./session-replica.js";
import type { StoredSession } from "./stored-session.js";

/** Where a follower began: it gets the messages after the sequence, the changes after the revision. */
export interface StreamStart {
  readonly sequence: number;
  readonly revision: number;
}

/**
 * Says what is wrong with the events that a follower got, all of them and in their order.
 *
 * - Ordered: the sequences of the messages rise.
 * - Unique: no message comes twice, and no change of a thing that is not newer than the one before.
 * - Gap-free: every message comes, except those that the store has no more.
 * - Equal: who applies the events holds what the store holds, and so does a `Conversation`.
 */
export function violationsOf(
  events: readonly SessionEvent[],
  stored: StoredSession,
  start: StreamStart,
): readonly string[] {
  const replica = new SessionReplica();
  const applied = events.map((event) => replica.apply(event));
  return [
    ...applied.filter((problem) => problem !== undefined),
    ...outOfOrder(events),
    ...notNewer(events),
    ...missing(events, stored, start),
    ...unequal(replica, stored, start),
    ...unequalConversation(events, replica),
  ];
}

function outOfOrder(events: readonly SessionEvent[]): readonly string[] {
  const sequences = events.flatMap((event) =>
    event.type === "message" ? [event.message.sequence] : [],
  );
  return sequences.flatMap((sequence, index) => {
    const before = sequences[index - 1] ?? 0;
    return sequence > before ? [] : [`message ${sequence} came after message ${before}`];
  });
}

function notNewer(events: readonly SessionEvent[]): readonly string[] {
  const newest = new Map<string, number>();
  return events.flatMap((event) => {
    if (!("revision" in event)) return [];
    const { revision } = event;
    return thingsOf(event).flatMap((thing) => {
      const before = newest.get(thing) ?? 0;
      newest.set(thing, revision);
      // Who resumes while a message is written gets it whole again, as it was.
      const isRepeatable = event.type === "message_updated" && event.message.status === "streaming";
      const isNewer = isRepeatable ? revision >= before : revision > before;
      return isNewer ? [] : [`${thing} changed at ${before}, and then at ${revision}`];
    });
  });
}

/** Names what a change is of. */
function thingsOf(event: SessionEvent): readonly string[] {
  switch (event.type) {
    case "message_updated":
      return [`message ${event.message.sequence}`];
    case "message_deleted":
      return [`message ${event.sequence}`];
    case "messages_cleared":
      return [`the messages after ${event.afterSequence}`];
    case "session_updated":
    case "session_deleted":
      return ["the session"];
    case "state_put":
      return event.states.map(({ key }) => `state "${key}"`);
    case "state_deleted":
      return [`state "${event.key}"`];
    default:
      return [];
  }
}

function missing(
  events: readonly SessionEvent[],
  { messages }: StoredSession,
  start: StreamStart,
): readonly string[] {
  const seen = new Set<number>();
  for (const event of events) if (event.type === "message") seen.add(event.message.sequence);
  return messages
    .filter(({ sequence }) => sequence > start.sequence && !seen.has(sequence))
    .map(({ sequence }) => `message ${sequence} did not come`);
}

function unequal(
  replica: SessionReplica,
  stored: StoredSession,
  start: StreamStart,
): readonly string[] {
  return [
    ...unequalMessages(replica, stored.messages),
    ...unequalStates(replica, stored.states, start),
    ...unequalSession(replica, stored.info, start),
  ];
}

function unequalMessages(replica: SessionReplica, messages: readonly Message[]): readonly string[] {
  const stored = new Map(messages.map((message) => [message.sequence, message]));
  return [...replica.messages].flatMap(([sequence, held]) => {
    const message = stored.get(sequence);
    if (message === undefined) return [`message ${sequence} is still held`];
    if (isDeepStrictEqual(held, message)) return [];
    return [`message ${sequence} is held as ${describe(held)}, stored as ${describe(message)}`];
  });
}

function unequalConversation(
  events: readonly SessionEvent[],
  { messages }: SessionReplica,
): readonly string[] {
  const conversation = new Conversation();
  for (const event of events) conversation.apply(event);
  const isEqual = isDeepStrictEqual(conversation.messages, [...messages.values()]);
  return isEqual ? [] : ["a conversation holds other messages"];
}

function unequalStates(
  { states }: SessionReplica,
  stored: readonly AgentState[],
  start: StreamStart,
): readonly string[] {
  const current = new Map(stored.map(({ key, version }) => [key, version]));
  const changed = stored.filter(({ revision }) => revision > start.revision);
  const keys = new Set([...states.keys(), ...changed.map(({ key }) => key)]);
  return [...keys].flatMap((key) => {
    const [held, version] = [states.get(key), current.get(key) ?? 0];
    return held === version ? [] : [`state "${key}" is held at ${held}, stored at ${version}`];
  });
}

function unequalSession(
  { session }: SessionReplica,
  info: SessionInfo,
  start: StreamStart,
): readonly string[] {
  // Without an event it is as it was: a session is created at revision 1 and version 1.
  if (session === undefined) {
    const isMissed = start.revision <= 1 && info.version > 1;
    return isMissed ? [`the session changed ${info.version - 1} times, and nobody was told`] : [];
  }
  const wanted = [info.version, info.title, info.metadata];
  const held = [session.version, session.title, session.metadata];
  return isDeepStrictEqual(held, wanted) ? [] : [`the session is held at ${session.version}`];
}

function describe({ id, revision, version, status, content, parts }: Message): string {
  const bytes = Buffer.byteLength(content);
  return JSON.stringify({ id, revision, version, status, bytes, parts: parts.length });
}
