import { randomUUID } from "node:crypto";
import type { Session, State } from "@mofa-state/client";
import { expect, it } from "vitest";
import { describeDatabases } from "../support/databases.js";
import { connectForTest, startTestServer } from "../support/test-server.js";
import { badFields } from "./refusal.js";
import { shareServer } from "./shared-server.js";

const BAD_TOKEN = badFields("page_token");

/** Makes a session with three messages and three states. */
async function createFilled(state: State, id?: string): Promise<Session> {
  const session = await state.sessions.create({ id });
  const messages = [1, 2, 3].map(() => ({ role: "user" }) as const);
  await session.append(messages, { agentStates: [1, 2, 3].map((n) => ({ state: n })) });
  return session;
}

async function messagesToken(session: Session): Promise<string> {
  return (await session.listMessagesPage({ pageSize: 1 })).nextPageToken ?? "";
}

/** Replaces one character of a token by another that a token may have. */
function flip(token: string, index: number): string {
  const other = token[index] === "A" ? "B" : "A";
  return token.slice(0, index) + other + token.slice(index + 1);
}

async function readAll(session: Session, options: Parameters<Session["messageFrames"]>[0]) {
  const sequences: number[] = [];
  for await (const { messages } of session.messageFrames(options)) {
    sequences.push(...messages.map(({ sequence }) => sequence));
  }
  return sequences;
}

async function firstResumeToken(session: Session): Promise<string> {
  for await (const { resumeToken } of session.messageFrames()) return resumeToken;
  throw new Error("the stream had no frame");
}

describeDatabases("a token", (database) => {
  const server = shareServer(database);

  it("is refused with any of its characters changed", async () => {
    const session = await createFilled(await server.connect());
    const token = await messagesToken(session);
    const resumeToken = await firstResumeToken(session);

    for (const index of Array.from(token).keys()) {
      const list = session.listMessagesPage({ pageSize: 1, pageToken: flip(token, index) });
      await expect(list, `character ${index}`).rejects.toMatchObject(BAD_TOKEN);
    }
    for (const index of Array.from(resumeToken).keys()) {
      const stream = readAll(session, { resumeToken: flip(resumeToken, index) });
      await expect(stream, `character ${index}`).rejects.toMatchObject(badFields("resume_token"));
    }
  });

  it.each([" ", "x", "%", "null", "AAAAAAAAAAAAAAAA"])("is refused if it is %j", async (token) => {
    const state = await server.connect();
    const session = await createFilled(state);

    const lists = [
      () => session.listMessagesPage({ pageToken: token }),
      () => session.state.listPage({ pageToken: token }),
      () => state.sessions.listPage({ pageToken: token }),
      () => state.usage.listPage({ pageToken: token }),
      () => state.usage.totalsPage({ pageToken: token }),
    ];

    for (const list of lists) await expect(list()).rejects.toMatchObject(BAD_TOKEN);
    await expect(readAll(session, { resumeToken: token })).rejects.toMatchObject(
      badFields("resume_token"),
    );
  });

  it("is refused with something added, or cut off", async () => {
    const session = await createFilled(await server.connect());
    const token = await messagesToken(session);

    for (const pageToken of [`${token}=`, `${token} `, `${token}A`, `${token}\n`, token.slice(1)]) {
      const list = session.listMessagesPage({ pageToken });
      await expect(list, JSON.stringify(pageToken)).rejects.toMatchObject(BAD_TOKEN);
    }
  });

  it("of messages serves the same arguments alone, whatever the size of the page", async () => {
    const state = await server.connect();
    const session = await createFilled(state);
    const other = await createFilled(state);
    const pageToken = await messagesToken(session);

    const foreign = [
      () => other.listMessagesPage({ pageToken }),
      () => session.listMessagesPage({ pageToken, order: "descending" }),
      () => session.listMessagesPage({ pageToken, roles: ["user"] }),
      () => session.state.listPage({ pageToken }),
      () => state.sessions.listPage({ pageToken }),
    ];

    for (const list of foreign) await expect(list()).rejects.toMatchObject(BAD_TOKEN);
    const rest = await session.listMessagesPage({ pageToken, pageSize: 2 });
    expect(rest.messages.map(({ sequence }) => sequence)).toEqual([2, 3]);
  });

  it("of states serves the same session and key alone", async () => {
    const state = await server.connect();
    const session = await createFilled(state);
    const other = await createFilled(state);
    const { nextPageToken: pageToken } = await session.state.listPage({ pageSize: 1 });

    const foreign = [
      () => other.state.listPage({ pageToken }),
      () => session.state.listPage({ pageToken, key: "" }),
      () => session.listMessagesPage({ pageToken }),
    ];

    for (const list of foreign) await expect(list()).rejects.toMatchObject(BAD_TOKEN);
    expect((await session.state.listPage({ pageToken })).agentStates).toHaveLength(2);
  });

  it("of sessions serves the same filter alone", async () => {
    const state = await server.connect();
    const userId = randomUUID();
    const times = { updatedAfter: new Date(0), updatedBefore: new Date("2100-01-01") };
    const filter = { userId, metadata: { a: 1 }, ...times };
    for (const key of ["a", "b"]) {
      await state.sessions.create({ key, userId, metadata: { a: 1, b: 2 } });
    }
    const { nextPageToken: pageToken } = await state.sessions.listPage({ ...filter, pageSize: 1 });

    const foreign = [
      {},
      { ...filter, userId: undefined },
      { ...filter, agentId: userId, userId: undefined },
      { ...filter, metadata: { a: 1, b: 2 } },
      { ...filter, metadata: undefined },
      { ...filter, updatedAfter: new Date(1) },
      { ...filter, updatedBefore: undefined },
    ];

    for (const other of foreign) {
      await expect(state.sessions.listPage({ ...other, pageToken })).rejects.toMatchObject(
        BAD_TOKEN,
      );
    }
    const rest = await state.sessions.listPage({ ...filter, pageToken });
    expect(rest.sessions.map(({ key }) => key)).toEqual(["a"]);
  });

  it("is refused in another tenant", async () => {
    const [one, two] = [await server.connect(), await server.connect()];
    await createFilled(one);
    await createFilled(one);
    const { nextPageToken: pageToken } = await one.sessions.listPage({ pageSize: 1 });

    await expect(two.sessions.listPage({ pageToken })).rejects.toMatchObject(BAD_TOKEN);
  });

  it("resumes a stream of its session alone", async () => {
    const state = await server.connect();
    const session = await createFilled(state);
    const other = await createFilled(state);
    const resumeToken = await firstResumeToken(session);

    expect(await readAll(session, { resumeToken })).toEqual([2, 3]);
    for (const token of [resumeToken, await messagesToken(session)]) {
      await expect(readAll(other, { resumeToken: token })).rejects.toMatchObject(
        badFields("resume_token"),
      );
    }
  });

  it("from beyond what the store holds is out of range, as after a restored backup", async () => {
    const tenantId = randomUUID();
    const session = await createFilled(await server.connect({ tenantId }));
    await session.update({ title: "one more revision" });
    let resumeToken: string | undefined;
    for await (const frame of session.messageFrames()) resumeToken = frame.resumeToken;
    const restored = await startTestServer({ database: await database.create() });
    const state = await connectForTest(restored.address, { tenantId });

    const older = await createFilled(state, session.id);

    const refusal = {
      code: "out_of_range",
      reason: "POSITION_AHEAD",
      metadata: { headSequence: "3", revision: "2" },
    };
    await expect(readAll(older, { resumeToken })).rejects.toMatchObject(refusal);
    await expect(readAll(older, { after: 4 })).rejects.toMatchObject(refusal);
    expect(await readAll(older, { after: 3 })).toEqual([]);
  });
});
