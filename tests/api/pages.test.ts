import { MessageService, type Session } from "@mofa-state/client";
import type { Order } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { expect, it } from "vitest";
import { describeDatabases } from "../support/databases.js";
import { badFields } from "./refusal.js";
import { shareServer } from "./shared-server.js";

const MIB = 1024 * 1024;

async function appendMany(session: Session, count: number): Promise<void> {
  const batch = Array.from({ length: count }, (_, index) => ({
    role: index % 2 === 0 ? ("user" as const) : ("assistant" as const),
    content: `${index + 1}`,
  }));
  for (let at = 0; at < count; at += 1_000) await session.append(batch.slice(at, at + 1_000));
}

type ListOptions = NonNullable<Parameters<Session["listMessagesPage"]>[0]>;

/** Walks through all pages, calling `between` after each, and gives the sequences of each page. */
async function walk(
  session: Session,
  options: ListOptions,
  between: () => Promise<unknown> = async () => {},
): Promise<number[][]> {
  const pages: number[][] = [];
  let pageToken: string | undefined;
  do {
    const page = await session.listMessagesPage({ ...options, pageToken });
    pages.push(page.messages.map(({ sequence }) => sequence));
    pageToken = page.nextPageToken;
    await between();
  } while (pageToken !== undefined && pages.length < 100);
  return pages;
}

/** Gives the numbers from `first` to `last`, up or down. */
function range(first: number, last: number): number[] {
  const step = Math.sign(last - first);
  return Array.from({ length: Math.abs(last - first) + 1 }, (_, index) => first + step * index);
}

describeDatabases("pages of messages", (database) => {
  const server = shareServer(database);

  it("neither repeat nor skip one while others append", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    await appendMany(session, 20);
    let appends = 0;
    const appendSome = async () => {
      appends += 1;
      if (appends <= 4) await appendMany(session, 3);
    };

    const pages = await walk(session, { pageSize: 7 }, appendSome);

    expect(pages.flat()).toEqual(range(1, 32));
    expect(pages.map(({ length }) => length)).toEqual([7, 7, 7, 7, 4]);
  });

  it("go down from where they began while others append", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    await appendMany(session, 20);

    const pages = await walk(session, { pageSize: 7, order: "descending" }, () =>
      appendMany(session, 3),
    );

    expect(pages.flat()).toEqual(range(20, 1));
  });

  it("neither repeat nor skip one while others are deleted", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    await appendMany(session, 9);
    const { messages } = await session.listMessagesPage();
    const doomed = [3, 4].map((sequence) => messages[sequence - 1]?.id ?? "");

    const pages = await walk(session, { pageSize: 3 }, async () => {
      const id = doomed.pop();
      if (id !== undefined) await session.deleteMessage(id);
    });

    expect(pages).toEqual([
      [1, 2, 3],
      [5, 6, 7],
      [8, 9],
    ]);
  });

  it("end exactly where the list does", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    expect(await session.listMessagesPage()).toEqual({ messages: [], nextPageToken: undefined });
    await appendMany(session, 6);

    expect(await walk(session, { pageSize: 3 })).toEqual([range(1, 3), range(4, 6)]);
    expect(await walk(session, { pageSize: 6 })).toEqual([range(1, 6)]);
    expect(await walk(session, { pageSize: 5 })).toEqual([range(1, 5), [6]]);
    expect(await walk(session, { pageSize: 1, order: "descending" })).toEqual(
      range(6, 1).map((sequence) => [sequence]),
    );
  });

  it("hold only the roles that are asked for", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    await appendMany(session, 8);
    await session.append({ role: "tool" });

    expect(await walk(session, { pageSize: 2, roles: ["assistant"] })).toEqual([
      [2, 4],
      [6, 8],
    ]);
    expect(await walk(session, { pageSize: 9, roles: ["tool", "assistant", "tool"] })).toEqual([
      [2, 4, 6, 8, 9],
    ]);
    expect(await walk(session, { roles: ["system"] })).toEqual([[]]);
  });

  it("hold 50 where the size is 0, and 1,000 where it is more", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    await appendMany(session, 1_001);

    const usual = await session.listMessagesPage({ pageSize: 0 });
    const lowered = await session.listMessagesPage({ pageSize: 2_147_483_647 });

    expect(usual.messages).toHaveLength(50);
    expect(lowered.messages).toHaveLength(1_000);
    expect(await walk(session, { pageSize: 1_001 })).toEqual([range(1, 1_000), [1_001]]);
  });

  it("of a negative size are refused in every list", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();

    const lists = [
      () => session.listMessagesPage({ pageSize: -1 }),
      () => session.state.listPage({ pageSize: -1 }),
      () => state.sessions.listPage({ pageSize: -1 }),
      () => state.usage.listPage({ pageSize: -1 }),
      () => state.usage.totalsPage({ pageSize: -1 }),
    ];

    for (const list of lists) await expect(list()).rejects.toMatchObject(badFields("page_size"));
  });

  it("end early at 2 MiB, with one message at least", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const sizes = [0.9 * MIB, 0.9 * MIB, 0.9 * MIB, 10, 3 * MIB, 10, 10];
    for (const size of sizes) await session.append({ role: "user", content: "x".repeat(size) });

    expect(await walk(session, {})).toEqual([[1, 2], [3, 4], [5], [6, 7]]);
    expect(await walk(session, { order: "descending" })).toEqual([[7, 6], [5], [4, 3, 2], [1]]);
  });

  it("refuse an order that is none", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const { listMessages } = state.lowLevel(MessageService);

    const list = listMessages({ sessionId: session.id, order: 3 as Order });

    await expect(list).rejects.toMatchObject(badFields("order"));
  });
});
