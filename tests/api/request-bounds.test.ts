import { randomUUID } from "node:crypto";
import { toBinary } from "@bufbuild/protobuf";
import { SessionService } from "@mofa-state/client";
import { expect, it } from "vitest";
import { describeDatabases } from "../support/databases.js";
import { badFields, expectRefusal } from "./refusal.js";
import { shareServer } from "./shared-server.js";

const KEYS = 1_000;

/** What stock gRPC clients receive at most. */
const STOCK_LIMIT = 4 * 1024 * 1024;

function numbered(count: number): Readonly<Record<string, number>> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, index]));
}

describeDatabases("the bounds of requests", (database) => {
  const server = shareServer(database);

  it("takes as many keys of a session's metadata as it can be found by, and no more", async () => {
    const state = await server.connect();
    const session = await state.sessions.create({ metadata: numbered(KEYS) });
    const tooMany = { code: "resource_exhausted", reason: "LIMIT_EXCEEDED" } as const;

    await expectRefusal(session, () => state.sessions.create({ metadata: numbered(KEYS + 1) }), {
      ...tooMany,
      violations: [{ field: "session.metadata" }],
    });
    await expectRefusal(session, () => session.update({ metadataSet: { one: 1 } }), {
      ...tooMany,
      violations: [{ field: "metadata_set" }],
    });
    const found = await state.sessions.listPage({ metadata: { k999: 999 } });
    expect(found.sessions.map(({ id }) => id)).toEqual([session.id]);
  });

  it("finds a session by its new metadata alone after an update", async () => {
    const state = await server.connect();
    const session = await state.sessions.create({ metadata: { a: 1, b: 2 } });
    const find = async (metadata: Record<string, number>) =>
      (await state.sessions.listPage({ metadata })).sessions.length;

    await session.update({ metadata: { b: 2, c: 3 } });

    expect([await find({ a: 1 }), await find({ b: 2 }), await find({ c: 3 })]).toEqual([0, 1, 1]);
  });

  it.each(["updatedAfter", "updatedBefore"] as const)(
    "refuses a %s beyond what a Timestamp may be",
    async (name) => {
      const state = await server.connect();
      const session = await state.sessions.create();
      const sessions = state.lowLevel(SessionService);
      const field = name === "updatedAfter" ? "updated_after" : "updated_before";

      for (const seconds of [2n ** 62n, -(2n ** 62n), 253402300800n]) {
        const call = () => sessions.listSessions({ [name]: { seconds } });
        await expectRefusal(session, call, badFields(field));
      }
    },
  );

  it("ends a page of metadata full of numbers before a stock client's limit", async () => {
    const state = await server.connect();
    const userId = randomUUID();
    const numbers = Array.from({ length: 50_000 }, () => 1);
    for (let count = 0; count < 8; count++) {
      await state.sessions.create({ userId, metadata: { numbers } });
    }

    const sessions = state.lowLevel(SessionService);
    const page = await sessions.listSessions({ userId });

    const { output } = SessionService.method.listSessions;
    expect(toBinary(output, page).byteLength).toBeLessThan(STOCK_LIMIT);
    expect(page.sessions.length).toBeGreaterThan(0);
    expect(page.nextPageToken).not.toBe("");
  });
});
