import { randomUUID } from "node:crypto";
import {
  AdminService,
  AgentStateService,
  MessageService,
  SessionService,
  type State,
  UsageService,
} from "@mofa-state/client";
import { expect, it } from "vitest";
import { collect } from "../support/collect.js";
import { describeDatabases } from "../support/databases.js";
import { FOREIGN_CALLS, type Owned } from "./foreign-calls.js";
import { shareServer } from "./shared-server.js";

const SERVICES = [SessionService, MessageService, AgentStateService, UsageService, AdminService];

/** What the owner has, in full: nobody else's call may change it. */
async function readAll(owner: State, { sessionId }: Owned) {
  const session = await owner.sessions.get(sessionId);
  return {
    info: session.info,
    messages: await collect(session.listMessages()),
    states: await collect(session.state.list()),
    sessions: await collect(owner.sessions.list()),
    apiCalls: await collect(owner.usage.list()),
  };
}

/** Stores a session with a message, a state and an API call, as the owner. */
async function store(owner: State): Promise<Owned> {
  const own = { key: `support-${randomUUID()}`, userId: randomUUID() };
  const session = await owner.sessions.create({
    ...own,
    title: "secret",
    metadata: { secret: true },
  });
  const { messages } = await session.append({ role: "user", content: "secret" });
  const { id: stateId } = await session.state.put({ secret: true }, { key: "plan" });
  const call = { sessionId: session.id, model: "secret", status: "success" } as const;
  const { id: apiCallId } = await owner.usage.record(call);
  return { ...own, sessionId: session.id, messageId: messages[0]?.id ?? "", stateId, apiCallId };
}

it("covers every method of every service", () => {
  const methods = SERVICES.flatMap(({ typeName, methods }) =>
    methods.map(({ name }) => `${typeName.split(".").at(-1)}.${name}`),
  );

  expect(Object.keys(FOREIGN_CALLS).sort()).toEqual(methods.sort());
});

describeDatabases("another tenant's ids", (database) => {
  const server = shareServer(database);

  it.each(Object.entries(FOREIGN_CALLS))("get and change nothing in %s", async (_, calls) => {
    const owner = await server.connect();
    const stranger = await server.connect();
    const owned = await store(owner);
    const before = await readAll(owner, owned);

    for (const { call, outcome } of calls) {
      const result = await call(stranger, owned).catch((error: unknown) => error);
      outcome(result, owned);
    }

    expect(await readAll(owner, owned)).toEqual(before);
  });

  it("answer as ids that do not exist", async () => {
    const owner = await server.connect();
    const stranger = await server.connect();
    const { sessionId } = await store(owner);
    const failure = (state: State, id: string) =>
      state.sessions.get(id).catch((error: Error) => error.message.replaceAll(id, "ID"));

    const foreign = await failure(stranger, sessionId);

    expect(foreign).toBe(await failure(owner, randomUUID()));
  });

  it("are not those of the tenant of callers who name none", async () => {
    const owner = await server.connect();
    const nobody = await server.connect({ tenantId: undefined });
    const nil = await server.connect({ tenantId: "00000000-0000-0000-0000-000000000000" });
    const { sessionId } = await store(owner);

    const { id } = await nobody.sessions.create();

    expect((await nil.sessions.get(id)).id).toBe(id);
    await expect(nobody.sessions.get(sessionId)).rejects.toMatchObject({ code: "not_found" });
    await expect(owner.sessions.get(id)).rejects.toMatchObject({ code: "not_found" });
  });
});
