import { expect, it } from "vitest";
import type { SessionRef } from "../../../server/src/domain/storage.js";
import { newUuid } from "../../../server/src/domain/uuid.js";
import {
  appendOf,
  createSession,
  EVERYTHING,
  newMessage,
  newState,
  startWrite,
  WIDE,
} from "./samples.js";
import type { StorageSuite } from "./storage-suite.js";

const SECRET = "a secret 😀";

/** Tests MessageStorage.delete and clear, and SessionStorage.delete. */
export function testDeletion(suite: StorageSuite): void {
  /** Appends three messages full of secrets to a new session, and gives their ids. */
  async function write(): Promise<{ ref: SessionRef; ids: readonly string[] }> {
    const ref = await createSession(suite.storage);
    const secret = () =>
      newMessage({
        content: SECRET,
        parts: [{ type: "data", json: JSON.stringify(SECRET) }],
        metadata: { secret: SECRET },
        raw: { data: Buffer.from(SECRET), mediaType: SECRET },
        tokenCount: 77,
      });
    const messages = [secret(), secret(), secret()];
    await suite.storage.messages.append(ref, appendOf(...messages));
    return { ref, ids: messages.map(({ id }) => id) };
  }

  async function sequences(ref: SessionRef): Promise<readonly number[]> {
    const { items } = await suite.storage.messages.read(ref, EVERYTHING, WIDE);
    return items.map(({ sequence }) => sequence);
  }

  it("takes one message out of the middle, and leaves the others their places", async () => {
    const { messages, sessions } = suite.storage;
    const { ref, ids } = await write();

    await messages.delete(ref, ids[1] ?? "");

    expect(await sequences(ref)).toEqual([1, 3]);
    const session = await sessions.get(ref);
    expect(session).toMatchObject({ headSequence: 3, messageCount: 2, revision: 3, version: 1 });
    const deleted = messages.get(ref, ids[1] ?? "");
    await expect(deleted).rejects.toMatchObject({ code: "not_found", reason: "MESSAGE_DELETED" });
  });

  it("deletes a message once", async () => {
    const { messages, sessions } = suite.storage;
    const { ref, ids } = await write();
    await messages.delete(ref, ids[0] ?? "");
    const before = await sessions.get(ref);

    for (const [id, reason] of [
      [ids[0] ?? "", "MESSAGE_DELETED"],
      [newUuid(), "MESSAGE_NOT_FOUND"],
    ] as const) {
      const deleted = messages.delete(ref, id);
      await expect(deleted).rejects.toMatchObject({ code: "not_found", reason });
    }

    expect(await sessions.get(ref)).toEqual(before);
  });

  it("clears what follows a sequence, in one revision, and counts what was there", async () => {
    const { messages, sessions } = suite.storage;
    const { ref, ids } = await write();
    await messages.append(ref, appendOf(newMessage(), newMessage()));
    await messages.delete(ref, ids[2] ?? "");

    expect(await messages.clear(ref, 1)).toBe(3);

    expect(await sequences(ref)).toEqual([1]);
    const session = await sessions.get(ref);
    expect(session).toMatchObject({ headSequence: 5, messageCount: 1, revision: 5, version: 1 });
  });

  it("clears everything after 0, and then writes nothing more", async () => {
    const { messages, sessions } = suite.storage;
    const { ref } = await write();

    expect(await messages.clear(ref, 0)).toBe(3);
    const cleared = await sessions.get(ref);
    expect(await messages.clear(ref, 0)).toBe(0);

    expect(cleared).toMatchObject({ headSequence: 3, messageCount: 0, revision: 3 });
    expect(await sessions.get(ref)).toEqual(cleared);
  });

  it("takes a session with its messages and states, and leaves its neighbour alone", async () => {
    const { sessions, messages, agentStates } = suite.storage;
    const { ref } = await write();
    await agentStates.put(ref, newState());
    const other = await createSession(suite.storage, { tenantId: ref.tenantId });
    await messages.append(other, { ...appendOf(newMessage()), agentStates: [newState()] });

    await sessions.delete(ref);

    const deleted = { code: "not_found", reason: "SESSION_DELETED" };
    await expect(sessions.delete(ref)).rejects.toMatchObject(deleted);
    expect(await sequences(other)).toEqual([1]);
    expect(await agentStates.get(other, "", undefined)).toMatchObject({ version: 1 });
    const { items } = await sessions.list(ref.tenantId, {}, undefined, WIDE);
    expect(items.map(({ id }) => id)).toEqual([other.sessionId]);
  });

  it("frees the key of a deleted session, but never its id", async () => {
    const { sessions } = suite.storage;
    const ref = await createSession(suite.storage, { key: "k" });
    const { tenantId, sessionId } = ref;

    await sessions.delete(ref);

    const byKey = sessions.getByKey(tenantId, "k");
    await expect(byKey).rejects.toMatchObject({ reason: "SESSION_NOT_FOUND" });
    await expect(createSession(suite.storage, { tenantId, id: sessionId })).rejects.toMatchObject({
      code: "failed_precondition",
      reason: "SESSION_DELETED",
    });
    const elsewhere = createSession(suite.storage, { id: sessionId });
    await expect(elsewhere).rejects.toMatchObject({ reason: "ID_REUSED" });
    await createSession(suite.storage, { tenantId, key: "k" });
  });

  if (!suite.isShared) return;

  it("erases what a message held, and leaves its id, sequence and revision", async () => {
    const { ref, ids } = await write();

    await suite.storage.messages.delete(ref, ids[0] ?? "");
    await suite.storage.messages.clear(ref, 1);

    const sql = "SELECT * FROM messages WHERE session_id = ? ORDER BY sequence";
    const rows = await suite.query(sql, [ref.sessionId]);
    expect(rows).toHaveLength(3);
    for (const [index, row] of rows.entries()) {
      expect(row).toMatchObject({ id: ids[index], session_id: ref.sessionId, content: "" });
      expect([Number(row.sequence), Number(row.revision)]).toEqual([index + 1, index ? 4 : 3]);
      const erased = [row.parts, row.metadata, row.raw_data, row.raw_media_type, row.token_count];
      expect(erased).toEqual([null, null, null, null, null]);
      // Even a hash would tell whether a guess is right.
      expect(row.request_hash).toEqual(Buffer.alloc(32));
    }
  });

  it("erases what a session and its states held", async () => {
    const given = { key: SECRET, title: SECRET, metadata: { a: SECRET }, userId: newUuid() };
    const ref = await createSession(suite.storage, { ...given, agentId: newUuid() });
    const payload = { json: JSON.stringify(SECRET), mediaType: "" } as const;
    await suite.storage.agentStates.put(ref, newState({ key: "k", payload }));
    const message = newMessage();
    await suite.storage.messages.append(ref, appendOf(message));
    await suite.storage.messages.delete(ref, message.id);
    await startWrite(suite.storage, ref);

    await suite.storage.sessions.delete(ref);

    const tables = ["messages", "agent_state", "session_metadata", "session_changes"];
    for (const table of [...tables, "message_writes"]) {
      const sql = `SELECT * FROM ${table} WHERE session_id = ?`;
      expect(await suite.query(sql, [ref.sessionId])).toEqual([]);
    }
    const rows = await suite.query("SELECT * FROM sessions WHERE id = ?", [ref.sessionId]);
    const none = { session_key: null, user_id: null, agent_id: null };
    expect(rows).toMatchObject([{ ...none, title: "", metadata: "{}" }]);
    expect(rows[0]?.request_hash).toEqual(Buffer.alloc(32));
  });

  it("erases what a state held when it is deleted", async () => {
    const ref = await createSession(suite.storage);
    const { agentStates } = suite.storage;
    const json = { json: JSON.stringify(SECRET), mediaType: "" } as const;
    const bytes = { data: Buffer.from(SECRET), mediaType: SECRET };
    await agentStates.put(ref, newState({ key: "k", payload: json }));
    await agentStates.put(ref, newState({ key: "k", payload: bytes }));

    await agentStates.delete(ref, "k", undefined);

    const sql = "SELECT * FROM agent_state WHERE session_id = ?";
    const rows = await suite.query(sql, [ref.sessionId]);
    const erased = { state: null, data: null, media_type: "" };
    expect(rows).toMatchObject([erased, erased]);
    for (const row of rows) expect(row.request_hash).toEqual(Buffer.alloc(32));
  });
}
