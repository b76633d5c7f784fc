import { create } from "@bufbuild/protobuf";
import {
  MessageService,
  StreamMessagesRequestSchema,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { ListSessionsRequestSchema } from "@mofa-state/proto/mofa/state/v1/session_pb.js";
import { Follower } from "./follower.js";
import type { GrpcClient } from "./grpc-client.js";
import { Latencies } from "./latencies.js";
import { nextId } from "./payload.js";
import { append, createLong, createSession, listSessions } from "./sessions.js";

const HISTORIES = 50;
const HISTORY_LENGTH = 5_000;
const LAST = 50;
const CONVERSATIONS = 50;

const APPENDERS = 8;
const APPEND_EVERY_MS = 16;
const READ_ALL_EVERY_MS = 500;
const READ_LAST_EVERY_MS = 50;
const LIST_EVERY_MS = 50;
const BEGIN_EVERY_MS = 100;

/** A session that is appended to, and somebody who follows it. */
interface Conversation {
  readonly sessionId: string;
  readonly follower: Follower;
  /** What the follower got of it. */
  readonly heard: { messages: number };
}

/** What a stretch of load gave. */
export interface Stretch {
  /** How many calls there were of all kinds. */
  readonly calls: number;
  /** Of the appends. */
  readonly latencies: Latencies;
}

/**
 * What a server has to do on a busy day, at an even pace.
 *
 * In a second it is 500 appends to 50 conversations that are followed, 2 whole histories of
 * 5,000 messages and 20 ends of them, 20 pages of sessions, and 10 new conversations with a
 * follower each, in place of the 10 oldest. What is late is made up for as fast as it goes, until the time is over.
 */
export class MixedLoad {
  /** The sessions whose histories are read, all of them larger than what a server keeps in memory. */
  readonly histories: readonly string[];
  readonly #client: GrpcClient;
  readonly #userId = nextId();
  readonly #conversations: Conversation[] = [];

  private constructor(client: GrpcClient, histories: readonly string[]) {
    this.#client = client;
    this.histories = histories;
  }

  /** Creates the histories, and begins the first conversations. */
  static async open(client: GrpcClient): Promise<MixedLoad> {
    const histories: string[] = [];
    while (histories.length < HISTORIES) histories.push(await createLong(client, HISTORY_LENGTH));
    const load = new MixedLoad(client, histories);
    while (load.#conversations.length < CONVERSATIONS) await load.#begin();
    return load;
  }

  /** Puts the load on the server for a time. */
  async run(durationMs: number): Promise<Stretch> {
    const latencies = new Latencies();
    const appenders = Array.from({ length: APPENDERS }, (_, index) =>
      repeatedly({ everyMs: APPEND_EVERY_MS, durationMs }, (turn) =>
        this.#append(turn * APPENDERS + index, latencies),
      ),
    );
    const counts = await Promise.all([
      ...appenders,
      repeatedly({ everyMs: READ_ALL_EVERY_MS, durationMs }, (turn) => this.#read(turn)),
      repeatedly({ everyMs: READ_LAST_EVERY_MS, durationMs }, (turn) => this.#read(turn, LAST)),
      repeatedly({ everyMs: LIST_EVERY_MS, durationMs }, () => this.#list()),
      repeatedly({ everyMs: BEGIN_EVERY_MS, durationMs }, () => this.#replace()),
    ]);
    return { calls: counts.reduce((sum, count) => sum + count, 0), latencies };
  }

  /** Ends all that follow. */
  close(): void {
    for (const { follower } of this.#conversations) follower.close();
  }

  async #append(index: number, latencies: Latencies): Promise<void> {
    const conversation = this.#conversations[index % this.#conversations.length];
    const startedAt = performance.now();
    await append(this.#client, conversation?.sessionId ?? "");
    latencies.record(performance.now() - startedAt);
  }

  /** Reads a whole history, or its newest messages. */
  async #read(turn: number, last?: number): Promise<void> {
    const request = create(StreamMessagesRequestSchema, {
      sessionId: this.histories[turn % this.histories.length] ?? "",
      ...(last !== undefined && { start: { case: "lastMessages", value: last } }),
    });
    let count = 0;
    const { streamMessages } = MessageService.method;
    await this.#client.stream(streamMessages, request, ({ frame }) => {
      if (frame.case === "messages") count += frame.value.messages.length;
    }).ended;
    const expected = last ?? HISTORY_LENGTH;
    if (count !== expected) throw new Error(`a stream gave ${count} messages, not ${expected}`);
  }

  #list(): Promise<void> {
    return listSessions(
      this.#client,
      create(ListSessionsRequestSchema, { userId: this.#userId, pageSize: LAST }),
    );
  }

  /** Begins a conversation, and ends the oldest, of which its follower must have heard. */
  async #replace(): Promise<void> {
    await this.#begin();
    const oldest = this.#conversations.shift();
    oldest?.follower.close();
    if (oldest?.heard.messages === 0) throw new Error("a follower got nothing of a conversation");
  }

  async #begin(): Promise<void> {
    const sessionId = await createSession(this.#client, this.#userId);
    const heard = { messages: 0 };
    const follower = await Follower.open(this.#client, sessionId, ({ case: kind }) => {
      if (kind === "messages") heard.messages += 1;
    });
    this.#conversations.push({ sessionId, follower, heard });
  }
}

interface Pace {
  readonly everyMs: number;
  readonly durationMs: number;
}

/** Does something at an even pace, each time after the one before, and gives how often. */
async function repeatedly(
  { everyMs, durationMs }: Pace,
  work: (turn: number) => Promise<void>,
): Promise<number> {
  const startedAt = performance.now();
  for (let turn = 0; ; turn += 1) {
    const waitMs = startedAt + turn * everyMs - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    if (performance.now() - startedAt >= durationMs) return turn;
    await work(turn);
  }
}
