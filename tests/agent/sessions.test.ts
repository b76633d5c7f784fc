import { randomUUID } from "node:crypto";
import type { State } from "@mofa-state/client";
import { PersistencePlugin } from "@mofa-state/client/agent";
import { expect, it } from "vitest";
import { shareServer } from "../api/shared-server.js";
import { describeDatabases } from "../support/databases.js";
import { agentOn, callsOf, inShort, newOwner, type Owner, pluginOf, stored } from "./agents.js";
import { gate } from "./gate.js";
import { type Asked, startModelServer } from "./model-server.js";

function answer({ messages }: Asked) {
  return { texts: ["to ", String(messages.at(-1)?.content)] };
}

describeDatabases("an agent's sessions", (database) => {
  const server = shareServer(database);

  it("hold their own turns only, and creating one does not switch", async () => {
    const store = await server.connect();
    const { model } = await startModelServer(answer);
    const agent = await agentOn(store).withModel(model()).build();
    const a = agent.sessionId;

    const b = await agent.createSession({ key: "b", title: "Second" });
    await agent.chat("in a");
    await agent.switchSession("b");
    await agent.chat("in b");
    await agent.switchSession(a);
    await agent.chat("again in a");
    const history = (await agent.history()).map(inShort);

    const inA = ["user: in a", "assistant: to in a", "user: again in a"];
    expect(history).toEqual([...inA, "assistant: to again in a"]);
    expect(await stored(store, a)).toEqual(history);
    expect(await stored(store, b)).toEqual(["user: in b", "assistant: to in b"]);
  });

  it("can be switched to if they are stored, and the active one stays if not", async () => {
    const store = await server.connect();
    const { model, asked } = await startModelServer(answer);
    const owner = newOwner();
    const earlier = await agentOn(store, { owner }).withModel(model()).build();
    await earlier.chat("before");
    const agent = await agentOn(store, { owner }).withModel(model()).build();
    const active = agent.sessionId;

    const unknown = agent.switchSession(randomUUID());
    await expect(unknown).rejects.toMatchObject({ code: "not_found" });
    await expect(agent.switchSession("no such key")).rejects.toMatchObject({ code: "not_found" });
    const stayed = agent.sessionId;
    await agent.switchSession(earlier.sessionId);
    await agent.chat("now");

    expect(stayed).toBe(active);
    expect(asked.at(-1)?.messages.map(({ content }) => content)).toEqual([
      "before",
      "to before",
      "now",
    ]);
  });

  it("are listed with those of earlier runs, and deleted unless active", async () => {
    const store = await server.connect();
    const { model } = await startModelServer(answer);
    const owner = newOwner();
    const others = await agentOn(store).withModel(model()).build();
    const earlier = await agentOn(store, { owner }).withModel(model()).build();
    const agent = await agentOn(store, { owner }).withModel(model()).build();

    const listed = await agent.listSessions();
    const refused = agent.deleteSession(agent.sessionId);
    await expect(refused).rejects.toMatchObject({
      code: "failed_precondition",
      reason: "SESSION_ACTIVE",
    });
    await agent.deleteSession(earlier.sessionId);
    const left = await agent.listSessions();

    expect(new Set(listed.map(({ id }) => id))).toEqual(
      new Set([earlier.sessionId, agent.sessionId]),
    );
    expect(left.map(({ id }) => id)).toEqual([agent.sessionId]);
    await expect(store.sessions.get(earlier.sessionId)).rejects.toMatchObject({
      reason: "SESSION_DELETED",
    });
    expect((await store.sessions.get(others.sessionId)).id).toBe(others.sessionId);
  });

  it("are worked on at once, each call with its own messages", async () => {
    const store = await server.connect();
    const bothAsked = gate();
    const { model, asked } = await startModelServer((request) => {
      if (asked.length === 2) bothAsked.open();
      return { ...answer(request), after: bothAsked.opened };
    });
    const agent = await agentOn(store).withModel(model()).build();
    const a = agent.sessionId;
    const b = await agent.createSession();

    const inA = agent.chat("a");
    await agent.switchSession(b);
    const replies = await Promise.all([inA, agent.chat("b")]);

    expect(replies).toEqual(["to a", "to b"]);
    for (const id of [a, b]) {
      const session = await store.sessions.get(id);
      const { messages } = await session.listMessagesPage();
      const [call, ...more] = await callsOf(store, id);
      expect(more).toEqual([]);
      expect(call).toMatchObject({
        requestMessageId: messages[0]?.id,
        responseMessageId: messages[1]?.id,
        status: "success",
      });
    }
  });

  it("take their turns one after the other", async () => {
    const store = await server.connect();
    const { model } = await startModelServer(answer);
    const sessionId = randomUUID();
    const owner = newOwner();
    const one = await agentOn(store, { sessionId, owner }).withModel(model()).build();
    const other = await agentOn(store, { sessionId, owner }).withModel(model()).build();

    await Promise.all([one.chat("1"), one.chat("2"), other.chat("3"), one.chat("4")]);

    const expected = ["1", "2", "3", "4"].flatMap((n) => [`user: ${n}`, `assistant: to ${n}`]);
    expect(await stored(store, sessionId)).toEqual(expected);
  });

  it("of another user are refused, whichever way they are named", async () => {
    const store = await server.connect();
    const { model } = await startModelServer(answer);
    const begin = (owner: Owner, sessionId: string) =>
      agentOn(store, { owner, sessionId }).withModel(model());
    const [ann, bob] = [newOwner(), newOwner()];
    const hers = await begin(ann, "holiday").build();
    await hers.chat("mine");
    const his = await begin(bob, "work").build();

    const refusal = { code: "permission_denied", reason: "OTHER_USER" };
    for (const name of ["holiday", hers.sessionId]) {
      await expect(begin(bob, name).build()).rejects.toMatchObject(refusal);
      await expect(his.switchSession(name)).rejects.toMatchObject(refusal);
      await expect(his.deleteSession(name)).rejects.toMatchObject(refusal);
    }
    const { userId } = ann;
    const again = { userId: userId.toUpperCase(), agentId: newOwner().agentId };

    expect(await begin(again, "holiday").build()).toMatchObject({ sessionId: hers.sessionId });
    expect(await stored(store, hers.sessionId)).toEqual(["user: mine", "assistant: to mine"]);
    expect((await his.listSessions()).map(({ key }) => key)).toEqual(["work"]);
  });

  it("belong to a user and an agent that are UUIDs, and say so otherwise", async () => {
    const store = await server.connect();

    const begin = () => pluginOf(store, "key", { ...newOwner(), userId: "ann" });

    expect(begin).toThrow(expect.objectContaining({ code: "invalid_argument" }));
  });

  it("belong to the tenant of a connection that was made without one, or to none", async () => {
    const bound = await server.connect();
    const tenantId = randomUUID();
    const unbound = await server.connect({ tenantId: undefined });
    const { userId, agentId } = newOwner();
    const plugin = (store: State) =>
      new PersistencePlugin("persistence", store, userId, tenantId, agentId, "key");

    const { store } = plugin(unbound);
    const created = await store.sessions.create();
    const own = await server.connect({ tenantId });

    expect((await own.sessions.get(created.id)).id).toBe(created.id);
    expect(() => plugin(bound)).toThrow(expect.objectContaining({ reason: "TENANT_BOUND" }));
  });
});
