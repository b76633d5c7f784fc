import { expect, it } from "vitest";
import { describeDatabases } from "../support/databases.js";
import { shareServer } from "./shared-server.js";

describeDatabases("session updates", (database) => {
  const server = shareServer(database);

  it("change title and metadata, and raise version and revision by one", async () => {
    const state = await server.connect();
    const session = await state.sessions.create({ title: "a", metadata: { x: 1, y: { z: [] } } });
    const { createdAt, updatedAt } = session.info;

    const renamed = await session.update({ title: "b" });
    const merged = await session.update({
      metadataSet: { x: null, w: "w" },
      metadataRemove: ["y"],
    });
    const replaced = await session.update({ title: "", metadata: { only: true } });

    expect(renamed).toMatchObject({ title: "b", version: 2, revision: 2 });
    expect(renamed.metadata).toEqual({ x: 1, y: { z: [] } });
    expect(merged).toMatchObject({ title: "b", version: 3, revision: 3 });
    expect(merged.metadata).toEqual({ x: null, w: "w" });
    expect(replaced).toMatchObject({ title: "", version: 4, revision: 4, createdAt });
    expect(replaced.metadata).toEqual({ only: true });
    expect(replaced.updatedAt.getTime()).toBeGreaterThanOrEqual(updatedAt.getTime());
    expect(await session.refresh()).toEqual(replaced);
  });

  it("write nothing where the values already hold, whatever version was expected", async () => {
    const state = await server.connect();
    const session = await state.sessions.create({ title: "a", metadata: { x: { p: 1, q: 2 } } });
    const before = session.info;

    const answers = [
      await session.update({ title: "a" }, { expectedVersion: 7 }),
      await session.update({ metadata: { x: { q: 2, p: 1 } } }, { expectedVersion: 7 }),
      await session.update({ metadataSet: { x: { q: 2, p: 1 } } }, { expectedVersion: 7 }),
      await session.update({ metadataRemove: ["absent"] }, { expectedVersion: 7 }),
    ];

    expect(answers).toEqual(answers.map(() => before));
    expect(await session.refresh()).toEqual(before);
  });

  it("refuse a version that is not the present one, with both in the metadata", async () => {
    const state = await server.connect();
    const session = await state.sessions.create({ title: "a" });
    const current = await session.update({ title: "b" }, { expectedVersion: 1 });

    const stale = session.update({ title: "c" }, { expectedVersion: 1 });

    await expect(stale).rejects.toMatchObject({
      code: "aborted",
      reason: "VERSION_CONFLICT",
      metadata: { expected: "1", actual: "2" },
    });
    expect(await session.refresh()).toEqual(current);
  });

  it("are not disturbed by appends, edits and states, which leave the version alone", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const { messages } = await session.append({ role: "user", content: "a" });
    await session.updateMessage(messages[0]?.id ?? "", { content: "b" });
    await session.state.put({ step: 1 });

    const updated = await session.update({ title: "still" }, { expectedVersion: 1 });

    expect(updated).toMatchObject({ title: "still", version: 2, revision: 5 });
  });
});
