import { randomUUID } from "node:crypto";
import { expect, it } from "vitest";
import { describeDatabases } from "../support/databases.js";
import { startTestState } from "../support/test-server.js";

describeDatabases("deleting a session", (database) => {
  it("takes its messages and states, and nothing of another session", async () => {
    const state = await startTestState(database);
    const deleted = await state.sessions.create({ metadata: { team: "blue" } });
    const kept = await state.sessions.create({ metadata: { team: "blue" } });
    for (const session of [deleted, kept]) {
      await session.append({ role: "user", content: "Hello" });
      await session.state.put({ step: 1 });
    }

    await deleted.delete();

    const { sessionCount, messageCount, agentStateCount } = await state.status();
    expect({ sessionCount, messageCount, agentStateCount }).toEqual({
      sessionCount: 1,
      messageCount: 1,
      agentStateCount: 1,
    });
    const { sessions } = await state.sessions.listPage({ metadata: { team: "blue" } });
    expect(sessions.map(({ id }) => id)).toEqual([kept.id]);
  });

  it("leaves nothing that can be read or written by its id", async () => {
    const state = await startTestState(database);
    const session = await state.sessions.create();
    const { messages } = await session.append({ role: "user", content: "Hello" });
    const id = messages[0]?.id ?? "";
    await session.state.put({ step: 1 });

    await state.sessions.delete(session.id);

    const gone = { code: "not_found", reason: "SESSION_DELETED" };
    await expect(state.sessions.get(session.id)).rejects.toMatchObject(gone);
    await expect(session.update({ title: "x" })).rejects.toMatchObject(gone);
    await expect(session.append({ role: "user" })).rejects.toMatchObject(gone);
    await expect(session.getMessage(id)).rejects.toMatchObject(gone);
    await expect(session.listMessagesPage()).rejects.toMatchObject(gone);
    await expect(session.messages().next()).rejects.toMatchObject(gone);
    await expect(session.clear()).rejects.toMatchObject(gone);
    await expect(session.state.get()).rejects.toMatchObject(gone);
    await expect(session.state.put({})).rejects.toMatchObject(gone);
    await expect(session.state.listPage()).rejects.toMatchObject(gone);
  });

  it("is refused the second time", async () => {
    const state = await startTestState(database);
    const session = await state.sessions.create();

    await session.delete();

    const again = { code: "not_found", reason: "SESSION_DELETED" };
    await expect(session.delete()).rejects.toMatchObject(again);
    const unknown = { code: "not_found", reason: "SESSION_NOT_FOUND" };
    await expect(state.sessions.delete(randomUUID())).rejects.toMatchObject(unknown);
  });

  it("frees its key, and never its id", async () => {
    const state = await startTestState(database);
    const session = await state.sessions.create({ key: "support-42" });
    const { id } = session;

    await session.delete();

    const taken = { code: "failed_precondition", reason: "SESSION_DELETED" };
    await expect(state.sessions.create({ id })).rejects.toMatchObject(taken);
    await expect(state.sessions.open({ id, key: "support-42" })).rejects.toMatchObject(taken);
    await expect(state.sessions.get({ key: "support-42" })).rejects.toMatchObject({
      code: "not_found",
      reason: "SESSION_NOT_FOUND",
    });
    const successor = await state.sessions.open({ key: "support-42" });
    expect(successor.created).toBe(true);
    expect(successor.id).not.toBe(id);
    expect(successor.info.headSequence).toBe(0);
  });
});
