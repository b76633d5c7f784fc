import { type AppendInput, toAppend } from "./append-input.js";
import { Checks } from "./checks.js";
import { type Context, readContext } from "./context/context.js";
import { type ContextRequest, checkContextRequest } from "./context/context-request.js";
import type { Feeds } from "./follow/feeds.js";
import { type FollowReader, followSession } from "./follow/follow-session.js";
import { type Histories, type HistoryReader, streamHistory } from "./history.js";
import { HistoryCache } from "./history-cache/history-cache.js";
import type { MessageEncoder } from "./history-cache/message-encoder.js";
import type { HistoryRequest } from "./history-request.js";
import type { Limits } from "./limits.js";
import type { JsonObject, Message, MessageContent, Role } from "./model.js";
import { type MessageInput, toMessageContent } from "./new-message.js";
import {
  type ListPage,
  type PageRequest,
  toListPage,
  toPageBounds,
  toPagePosition,
} from "./page.js";
import type { HistoryFrame, SessionFrame } from "./session-frame.js";
import type { Appended, MessageChange, MessageRange, SessionRef, Storage } from "./storage.js";

/** What a client may edit of a message: `UpdateMessage`'s mask and the field it stands for. */
const EDITABLE: Readonly<Record<string, keyof MessageContent>> = {
  content: "content",
  parts: "parts",
  metadata: "metadata",
  raw: "raw",
  pinned: "pinned",
  token_count: "tokenCount",
};

const NO_CONTENT: MessageContent = {
  content: "",
  parts: [],
  metadata: {},
  raw: undefined,
  pinned: false,
  tokenCount: undefined,
};

/** A list as a client asks for it. */
export interface MessageQuery extends PageRequest {
  readonly sessionId: string;
  /** Undefined if it is none of the orders. */
  readonly order: MessageRange["order"] | undefined;
  /** Undefined for one that is none of the roles; empty for all. */
  readonly roles: readonly (Role | undefined)[];
}

/** An edit as a client asks for it. */
export interface MessageUpdate {
  readonly sessionId: string;
  readonly messageId: string;
  /** Undefined if none was sent. */
  readonly content: Omit<MessageInput, "id" | "role"> | undefined;
  readonly updateMask: readonly string[];
  readonly expectedVersion: number | undefined;
}

/** What messages are streamed with. */
export interface MessageStreams {
  readonly feeds: Feeds;
  readonly encode: MessageEncoder;
}

/** The rules of messages: checks what clients send, and hands it to the storage. */
export class Messages {
  readonly #storage: Storage;
  readonly #limits: Limits;
  readonly #feeds: Feeds;
  readonly #histories: Histories;

  constructor(storage: Storage, limits: Limits, { feeds, encode }: MessageStreams) {
    this.#storage = storage;
    this.#limits = limits;
    this.#feeds = feeds;
    this.#histories = { storage, encode, cache: new HistoryCache(limits.historyCacheBytes) };
  }

  /** Appends messages and states, see {@link MessageStorage.append}. */
  async append(tenantId: string, input: AppendInput): Promise<Appended> {
    const { sessionId, append } = toAppend(input, this.#limits);
    return this.#storage.messages.append({ tenantId, sessionId }, append);
  }

  /** Gives one message. */
  get(tenantId: string, sessionId: string, messageId: string): Promise<Message> {
    const { ref, id } = toMessageRef(tenantId, sessionId, messageId);
    return this.#storage.messages.get(ref, id);
  }

  /** Lists messages in pages, in the order of their sequences. */
  async list(tenantId: string, query: MessageQuery): Promise<ListPage<Message>> {
    const checks = new Checks();
    const sessionId = checks.uuid("session_id", query.sessionId);
    const { order } = query;
    if (order === undefined) checks.add("order", "must be ascending or descending");
    const roles = toRoles(checks, query.roles);
    const bounds = toPageBounds(checks, query, this.#limits);
    const binding: JsonObject = {
      list: "messages",
      tenantId,
      sessionId,
      order: order ?? "",
      roles,
    };
    const [position] = toPagePosition(checks, query, { binding, shape: ["number"] }) ?? [];
    checks.throwIfAny();
    const range = toRange(
      order ?? "ascending",
      position === undefined ? undefined : Number(position),
    );
    const page = await this.#storage.messages.read(
      { tenantId, sessionId },
      { ...range, roles },
      bounds,
    );
    return toListPage(page, binding, (message) => [message.sequence]);
  }

  /** Streams a session, see {@link streamHistory} and {@link followSession}. */
  stream(
    reader: HistoryReader & FollowReader,
    request: HistoryRequest,
  ): AsyncIterable<SessionFrame | HistoryFrame> {
    return request.follow
      ? followSession({ storage: this.#storage, feeds: this.#feeds }, reader, request)
      : streamHistory(this.#histories, reader, request);
  }

  /** Gives what to send to a model, see {@link readContext}. */
  async context(tenantId: string, request: ContextRequest): Promise<Context> {
    return readContext(this.#storage, checkContextRequest(tenantId, request), request);
  }

  /** Edits a message, see {@link MessageStorage.update}. */
  update(tenantId: string, update: MessageUpdate): Promise<Message> {
    const checks = new Checks();
    const sessionId = checks.uuid("message.session_id", update.sessionId);
    const messageId = checks.uuid("message.id", update.messageId);
    checks.optionalInteger("expected_version", update.expectedVersion, 0);
    const input = update.content ?? NO_CONTENT;
    const content = toMessageContent(checks, input, "message.", this.#limits);
    const change = toChange(checks, content, update.updateMask);
    checks.throwIfAny();
    const ref = { tenantId, sessionId };
    return this.#storage.messages.update(ref, messageId, change, update.expectedVersion);
  }

  /** Erases a message. */
  delete(tenantId: string, sessionId: string, messageId: string): Promise<void> {
    const { ref, id } = toMessageRef(tenantId, sessionId, messageId);
    return this.#storage.messages.delete(ref, id);
  }

  /** Erases all messages after a sequence, and tells how many they were. */
  clear(tenantId: string, sessionId: string, afterSequence: number): Promise<number> {
    const checks = new Checks();
    const id = checks.uuid("session_id", sessionId);
    checks.integer("after_sequence", afterSequence, 0);
    checks.throwIfAny();
    return this.#storage.messages.clear({ tenantId, sessionId: id }, afterSequence);
  }
}

function toMessageRef(
  tenantId: string,
  sessionId: string,
  messageId: string,
): { readonly ref: SessionRef; readonly id: string } {
  const checks = new Checks();
  const ref = { tenantId, sessionId: checks.uuid("session_id", sessionId) };
  const id = checks.uuid("message_id", messageId);
  checks.throwIfAny();
  return { ref, id };
}

function toRoles(checks: Checks, roles: readonly (Role | undefined)[]): readonly Role[] {
  const known = roles.filter((role) => role !== undefined);
  if (known.length < roles.length) {
    checks.add("roles", "must be system, user, assistant or tool");
  }
  return [...new Set(known)].sort();
}

function toRange(order: MessageRange["order"], position: number | undefined): MessageRange {
  const last = Number.MAX_SAFE_INTEGER;
  return order === "ascending"
    ? { order, afterSequence: position ?? 0, upToSequence: last }
    : { order, afterSequence: 0, upToSequence: position === undefined ? last : position - 1 };
}

function toChange(
  checks: Checks,
  content: MessageContent,
  updateMask: readonly string[],
): MessageChange {
  const names = Object.keys(EDITABLE).join(", ");
  if (updateMask.length === 0) checks.add("update_mask", `is required: some of ${names}`);
  const fields = updateMask.flatMap((path) => {
    const field = Object.hasOwn(EDITABLE, path) ? EDITABLE[path] : undefined;
    if (field === undefined) {
      checks.add("update_mask", `must name some of ${names}, not ${JSON.stringify(path)}`);
      return [];
    }
    return [[field, content[field]] as const];
  });
  return Object.fromEntries(fields);
}
