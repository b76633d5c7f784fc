import { onTestFinished } from "vitest";
import { announce } from "../../../../server/src/domain/follow/announced-storage.js";
import { Feeds, type FeedsOptions } from "../../../../server/src/domain/follow/feeds.js";
import { followSession } from "../../../../server/src/domain/follow/follow-session.js";
import type { HistoryRequest } from "../../../../server/src/domain/history-request.js";
import { SILENT_LOGGER } from "../../../../server/src/domain/log.js";
import type { Message } from "../../../../server/src/domain/model.js";
import type {
  Append,
  Appended,
  SessionRef,
  Storage,
} from "../../../../server/src/domain/storage.js";
import { appendOf, createSession, newMessages } from "../../../storage/contract/samples.js";
import { openForTest } from "../../../storage/contract/storage-suite.js";
import { FrameReader } from "./frame-reader.js";

/** Longer than any test: what has it for an interval is never seen to happen. */
const NEVER_MS = 2 ** 31 - 1;

/** How a session is followed where a test does not say otherwise: from its beginning. */
export type FollowSample = Partial<Omit<HistoryRequest, "sessionId" | "follow">> & {
  readonly ref?: SessionRef;
};

/** What one server does with a database. */
export class LiveServer {
  /** Announces what it writes to the feeds. */
  readonly storage: Storage;
  readonly feeds: Feeds;
  readonly #ref: SessionRef;

  constructor(storage: Storage, ref: SessionRef, options: Partial<FeedsOptions> = {}) {
    this.feeds = new Feeds(storage, {
      pollIntervalMs: NEVER_MS,
      heartbeatIntervalMs: NEVER_MS,
      logger: SILENT_LOGGER,
      ...options,
    });
    this.storage = announce(storage, this.feeds);
    this.#ref = ref;
    onTestFinished(() => this.feeds.close());
  }

  /** Follows the session until the test ends at the latest. */
  follow({ ref = this.#ref, ...given }: FollowSample = {}): FrameReader {
    const controller = new AbortController();
    const { storage, feeds } = this;
    const frames = followSession(
      { storage, feeds },
      { tenantId: ref.tenantId, signal: controller.signal },
      {
        sessionId: ref.sessionId,
        start: { from: "beginning" },
        follow: true,
        includeDeltas: false,
        frameMaxMessages: 0,
        ...given,
      },
    );
    const reader = new FrameReader(frames, controller);
    onTestFinished(() => reader.stop());
    return reader;
  }

  /** Appends messages with these contents. */
  append(...contents: readonly string[]): Promise<Appended> {
    return this.storage.messages.append(this.#ref, appendOf(...newMessages(contents)));
  }

  /** Appends one message, and gives it. */
  async appendOne(content: string): Promise<Message> {
    const { messages } = await this.append(content);
    const [message] = messages;
    if (message === undefined) throw new Error("nothing was appended");
    return message;
  }

  /** Carries an append out. */
  appendAll(append: Append): Promise<Appended> {
    return this.storage.messages.append(this.#ref, append);
  }
}

/** A session in a database in memory. */
export interface LiveSession extends SessionRef {
  /** Announces nothing, as another server's. */
  readonly storage: Storage;
  /** Starts a server on the database. */
  serve(options?: Partial<FeedsOptions>): LiveServer;
}

/** Creates a session in a database of its own. */
export async function createLiveSession(): Promise<LiveSession> {
  const storage = await openForTest("memory:");
  const ref = await createSession(storage);
  return { ...ref, storage, serve: (options) => new LiveServer(storage, ref, options) };
}
