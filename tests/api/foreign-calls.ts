import { randomUUID } from "node:crypto";
import {
  AdminService,
  AgentStateService,
  MessageService,
  SessionService,
  type State,
  StateError,
  UsageService,
} from "@mofa-state/client";
import { Role } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { ApiCallStatus } from "@mofa-state/proto/mofa/state/v1/usage_pb.js";
import { expect } from "vitest";
import { collect } from "../support/collect.js";

/** The ids and names of what one tenant has stored. */
export interface Owned {
  readonly sessionId: string;
  readonly key: string;
  readonly userId: string;
  readonly messageId: string;
  readonly stateId: string;
  readonly apiCallId: string;
}

/** A call that uses another tenant's ids, and what has to come of it. */
export interface ForeignCall {
  call(stranger: State, owned: Owned): Promise<unknown>;
  /** Asserts of the answer, or of the error that was thrown. */
  outcome(result: unknown, owned: Owned): void;
}

/** Calls of each method, as `Service.Method`, that name what another tenant has. */
export const FOREIGN_CALLS: Readonly<Record<string, readonly ForeignCall[]>> = {
  "SessionService.CreateSession": [
    {
      call: ({ sessions }, { sessionId }) => sessions.create({ id: sessionId }),
      outcome(result, { key, userId }) {
        expect(result).toMatchObject({ code: "already_exists", reason: "ID_REUSED", metadata: {} });
        expectNotToName(result, [key, userId, "secret"]);
      },
    },
    { call: ({ sessions }, { key }) => sessions.create({ key }), outcome: expectOwnSession },
  ],
  "SessionService.OpenSession": [
    {
      call: ({ sessions }, { sessionId }) => sessions.open({ id: sessionId }),
      outcome(result, { key, userId }) {
        expect(result).toMatchObject({ code: "already_exists", reason: "ID_REUSED", metadata: {} });
        expectNotToName(result, [key, userId, "secret"]);
      },
    },
    { call: ({ sessions }, { key }) => sessions.open({ key }), outcome: expectOwnSession },
  ],
  "SessionService.GetSession": [
    notFound(({ sessions }, { sessionId }) => sessions.get(sessionId)),
    notFound(({ sessions }, { key }) => sessions.get({ key })),
  ],
  "SessionService.ListSessions": [
    {
      async call(stranger, { sessionId, userId }) {
        const filters = [
          {},
          { userId },
          { metadata: { secret: true } },
          { forkSessionId: sessionId },
        ];
        const lists = filters.map((filter) => collect(stranger.sessions.list(filter)));
        return (await Promise.all(lists)).flat();
      },
      outcome(result, { sessionId }) {
        expect(JSON.stringify(result)).toMatch(/^\[/);
        expectNotToName(result, [sessionId, "secret"]);
      },
    },
  ],
  "SessionService.UpdateSession": [
    notFound((stranger, { sessionId }) =>
      stranger.lowLevel(SessionService).updateSession({
        session: { id: sessionId, title: "taken over" },
        updateMask: { paths: ["title"] },
      }),
    ),
  ],
  "SessionService.DeleteSession": [
    notFound(({ sessions }, { sessionId }) => sessions.delete(sessionId)),
  ],
  "SessionService.ForkSession": [
    notFound((stranger, { sessionId }) =>
      stranger.lowLevel(SessionService).forkSession({ sessionId }),
    ),
    {
      async call({ sessions }, { sessionId }) {
        const own = await sessions.create();
        return own.fork({ id: sessionId });
      },
      outcome(result, { key, userId }) {
        expect(result).toMatchObject({ code: "already_exists", reason: "ID_REUSED", metadata: {} });
        expectNotToName(result, [key, userId, "secret"]);
      },
    },
    {
      async call({ sessions }, { key }) {
        const own = await sessions.create();
        return own.fork({ key });
      },
      outcome: expectOwnSession,
    },
  ],
  "MessageService.AppendMessages": [
    notFound((stranger, { sessionId, messageId }) =>
      stranger.lowLevel(MessageService).appendMessages({
        sessionId,
        messages: [{ id: messageId, role: Role.USER, content: "secret" }],
      }),
    ),
    notFound((stranger, { sessionId }) =>
      stranger.lowLevel(MessageService).appendMessages({
        sessionId,
        messages: [{ id: randomUUID(), role: Role.USER, content: "mine" }],
      }),
    ),
  ],
  "MessageService.PipelineAppends": [
    {
      async call(stranger, { sessionId, messageId }) {
        const pipeline = stranger.pipeline();
        const message = { id: messageId, role: "user", content: "secret" } as const;
        return pipeline.append(sessionId, message).finally(() => pipeline.close());
      },
      outcome: expectNoSession,
    },
  ],
  "MessageService.StreamMessages": [
    notFound((stranger, { sessionId }) =>
      collect(stranger.lowLevel(MessageService).streamMessages({ sessionId })),
    ),
    notFound((stranger, { sessionId }) =>
      collect(stranger.lowLevel(MessageService).streamMessages({ sessionId, follow: true })),
    ),
  ],
  "MessageService.WriteMessage": [
    notFound((stranger, { sessionId, messageId }) => {
      const message = { id: messageId, role: Role.USER };
      const start = { case: "start", value: { sessionId, message } } as const;
      return collect(stranger.lowLevel(MessageService).writeMessage(only({ write: start })));
    }),
  ],
  "MessageService.GetMessage": [
    notFound((stranger, { sessionId, messageId }) =>
      stranger.lowLevel(MessageService).getMessage({ sessionId, messageId }),
    ),
    notFoundInOwn((stranger, { messageId }, sessionId) =>
      stranger.lowLevel(MessageService).getMessage({ sessionId, messageId }),
    ),
  ],
  "MessageService.ListMessages": [
    notFound((stranger, { sessionId }) =>
      stranger.lowLevel(MessageService).listMessages({ sessionId }),
    ),
  ],
  "MessageService.GetContext": [
    notFound((stranger, { sessionId }) =>
      stranger.lowLevel(MessageService).getContext({ sessionId }),
    ),
  ],
  "MessageService.UpdateMessage": [
    notFound((stranger, { sessionId, messageId }) =>
      stranger.lowLevel(MessageService).updateMessage({
        message: { id: messageId, sessionId, content: "taken over" },
        updateMask: { paths: ["content"] },
      }),
    ),
    notFoundInOwn((stranger, { messageId }, sessionId) =>
      stranger.lowLevel(MessageService).updateMessage({
        message: { id: messageId, sessionId, content: "taken over" },
        updateMask: { paths: ["content"] },
      }),
    ),
  ],
  "MessageService.DeleteMessage": [
    notFound((stranger, { sessionId, messageId }) =>
      stranger.lowLevel(MessageService).deleteMessage({ sessionId, messageId }),
    ),
    notFoundInOwn((stranger, { messageId }, sessionId) =>
      stranger.lowLevel(MessageService).deleteMessage({ sessionId, messageId }),
    ),
  ],
  "MessageService.ClearMessages": [
    notFound((stranger, { sessionId }) =>
      stranger.lowLevel(MessageService).clearMessages({ sessionId }),
    ),
  ],
  "AgentStateService.PutAgentState": [
    notFound((stranger, { sessionId, stateId }) =>
      stranger.lowLevel(AgentStateService).putAgentState({
        sessionId,
        id: stateId,
        key: "plan",
        payload: { case: "json", value: '{"secret":true}' },
      }),
    ),
  ],
  "AgentStateService.GetAgentState": [
    notFound((stranger, { sessionId }) =>
      stranger.lowLevel(AgentStateService).getAgentState({ sessionId, key: "plan" }),
    ),
  ],
  "AgentStateService.ListAgentStates": [
    notFound((stranger, { sessionId }) =>
      stranger.lowLevel(AgentStateService).listAgentStates({ sessionId }),
    ),
  ],
  "AgentStateService.DeleteAgentState": [
    notFound((stranger, { sessionId }) =>
      stranger.lowLevel(AgentStateService).deleteAgentState({ sessionId, key: "plan" }),
    ),
  ],
  "UsageService.RecordApiCall": [
    notFound((stranger, { sessionId }) =>
      stranger.lowLevel(UsageService).recordApiCall({
        apiCall: { sessionId, model: "m", status: ApiCallStatus.SUCCESS },
      }),
    ),
    {
      // Its ids are unique within a tenant: another's may be used, and tells nothing.
      call: ({ usage }, { apiCallId: id }) => usage.record({ id, model: "m", status: "success" }),
      outcome(result, { apiCallId: id, userId }) {
        expect(result).toMatchObject({ id, model: "m" });
        expectNotToName(result, [userId, "secret"]);
      },
    },
  ],
  "UsageService.ListApiCalls": [
    {
      async call({ usage }, { sessionId, userId }) {
        const filters = [{}, { sessionId }, { userId }, { model: "secret" }];
        return (await Promise.all(filters.map((filter) => collect(usage.list(filter))))).flat();
      },
      outcome: (result) => expect(result).toEqual([]),
    },
  ],
  "UsageService.GetUsage": [
    {
      async call({ usage }, { sessionId }) {
        const { calls } = await usage.total({ sessionId });
        return [calls.total, ...(await collect(usage.totals({ groupBy: "session" })))];
      },
      outcome: (result) => expect(result).toEqual([0]),
    },
  ],
  "UsageService.PurgeApiCalls": [
    {
      call: ({ usage }) => usage.purge(new Date("2100-01-01")),
      outcome: (result) => expect(result).toBe(0),
    },
  ],
  "AdminService.GetStatus": [
    {
      // It takes no ids, and counts for the operator what all tenants have.
      call: (stranger) => stranger.lowLevel(AdminService).getStatus({}),
      outcome: (result) => expect(result).not.toBeInstanceOf(StateError),
    },
  ],
};

function notFound(call: ForeignCall["call"]): ForeignCall {
  return { call, outcome: expectNoSession };
}

function expectNoSession(result: unknown, { userId }: Owned): void {
  expect(result).toMatchObject({ code: "not_found", reason: "SESSION_NOT_FOUND", metadata: {} });
  expectNotToName(result, [userId, "secret"]);
}

async function* only<T>(request: T): AsyncGenerator<T, void> {
  yield request;
}

/** A call that looks for another tenant's message in a session of the caller's own. */
function notFoundInOwn(
  call: (stranger: State, owned: Owned, ownSessionId: string) => Promise<unknown>,
): ForeignCall {
  return {
    async call(stranger, owned) {
      const { id } = await stranger.sessions.create();
      return call(stranger, owned, id);
    },
    outcome(result) {
      expect(result).toMatchObject({ code: "not_found", reason: "MESSAGE_NOT_FOUND" });
    },
  };
}

function expectOwnSession(result: unknown, { sessionId, key }: Owned): void {
  expect(result).toMatchObject({ created: true, info: { key, title: "", headSequence: 0 } });
  expect(result).not.toMatchObject({ id: sessionId });
}

function expectNotToName(result: unknown, secrets: readonly string[]): void {
  const text = result instanceof Error ? result.message : JSON.stringify(result);
  for (const secret of secrets) expect(text).not.toContain(secret);
}
