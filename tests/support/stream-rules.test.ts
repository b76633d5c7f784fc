import type { AgentState, Message, SessionEvent, SessionInfo } from "@mofa-state/client";
import { describe, expect, it } from "vitest";
import type { StoredSession } from "./stored-session.js";
import { violationsOf } from "./stream-rules.js";

const START = { sequence: 0, revision: 1 };

/** The event of an append, or of a change where there is a type. */
function event<T extends object>(fields: T): T & { readonly resumeToken: string } {
  return { ...fields, resumeToken: "token" };
}

function message(sequence: number, changed: Partial<Message> = {}): Message {
  const at = new Date(0);
  return {
    ...{ id: `id ${sequence}`, sessionId: "session", sequence, role: "user", content: "text" },
    ...{ parts: [], metadata: {}, raw: undefined, pinned: false, status: "complete" },
    ...{ tokenCount: undefined, createdAt: at, updatedAt: at, version: 1, revision: sequence + 1 },
    ...changed,
  };
}

function appended(message: Message): SessionEvent {
  return event({ type: "message", message } as const);
}

function updated(message: Message): SessionEvent {
  return event({ type: "message_updated", revision: message.revision, message } as const);
}

function deltaOf(sequence: number, offset: number, text: string): SessionEvent {
  const messageId = `id ${sequence}`;
  return event({ type: "text_delta", messageId, sequence, offset, text } as const);
}

function statePut(version: number, revision: number): SessionEvent {
  const states = [{ key: "plan", version, mediaType: "" }];
  return event({ type: "state_put", revision, states } as const);
}

const INFO: SessionInfo = {
  ...{ id: "session", key: undefined, userId: undefined, agentId: undefined, title: "new" },
  ...{ metadata: {}, createdAt: new Date(0), updatedAt: new Date(0), headSequence: 5 },
  ...{ messageCount: 3, revision: 12, version: 2, forkSessionId: undefined, forkSequence: 0 },
};

const EDITED = message(2, { content: "edited", version: 2, revision: 7 });
const WRITING = message(5, { content: "", status: "streaming", revision: 6 });
const WRITTEN = message(5, { content: "é!", revision: 9 });

const STATE: AgentState = {
  ...{ id: "state", sessionId: "session", key: "plan", version: 2, state: {} },
  ...{ mediaType: undefined, createdAt: new Date(0), revision: 11 },
};

const STORED: StoredSession = {
  info: INFO,
  messages: [message(1), EDITED, WRITTEN],
  states: [STATE],
};

/** All that happened, as a follower is to get it. */
const GOOD: readonly SessionEvent[] = [
  ...[1, 2, 3, 4].map((sequence) => appended(message(sequence))),
  appended(WRITING),
  updated(EDITED),
  deltaOf(5, 0, "é"),
  deltaOf(5, 2, "!"),
  event({ type: "message_deleted", revision: 8, messageId: "id 4", sequence: 4 }),
  updated(WRITTEN),
  event({ type: "messages_cleared", revision: 10, afterSequence: 2, throughSequence: 4 }),
  statePut(2, 11),
  event({ type: "session_updated", revision: 12, session: INFO }),
];

/** The good stream without what stands at some places. */
function without(...places: readonly number[]): readonly SessionEvent[] {
  return GOOD.filter((_, index) => !places.includes(index));
}

/** The good stream with an event put in at a place. */
function withAt(place: number, ...events: readonly SessionEvent[]): readonly SessionEvent[] {
  return GOOD.toSpliced(place, 0, ...events);
}

describe("the rules of a stream", () => {
  it("let a good one pass", () => {
    expect(violationsOf(GOOD, STORED, START)).toEqual([]);
  });

  it("let pass that a message which is gone never came", () => {
    expect(violationsOf(without(3, 8), STORED, START)).toEqual([]);
  });

  it("let pass that a message comes again while it is written", () => {
    const again = { ...WRITING, content: "é", revision: 8 };
    const twice = withAt(8, updated(again), updated(again));

    expect(violationsOf(twice, STORED, START)).toEqual([]);
  });

  it("let pass what came before the start", () => {
    const start = { sequence: 1, revision: 1 };

    expect(violationsOf(without(0), STORED, start)).toEqual([]);
  });

  const planted: Readonly<Record<string, readonly SessionEvent[]>> = {
    "a gap": without(0),
    "a message that comes twice": withAt(2, appended(message(1))),
    "messages in another order": [1, 0].flatMap((place) => GOOD[place] ?? []).concat(without(0, 1)),
    "an edit that did not come": without(5),
    "an edit that came twice": withAt(6, updated(EDITED)),
    "an edit that was taken back": withAt(6, updated(message(2, { revision: 4 }))),
    "an edit before its message": [updated(EDITED), ...without(5)],
    "a deletion that did not come": without(8, 10),
    "a clear that did not come": without(10),
    "a message that is written and does not end": without(9),
    "a delta that leaves out text": withAt(8, deltaOf(5, 4, "?")),
    "a delta of a message that is whole": withAt(10, deltaOf(5, 3, "?")),
    "a state that was not told": without(11),
    "a state that went back": withAt(12, statePut(1, 10)),
    "a change of the session that was not told": without(12),
  };

  it.each(Object.entries(planted))("catch %s", (_, events) => {
    expect(violationsOf(events, STORED, START)).not.toEqual([]);
  });
});
