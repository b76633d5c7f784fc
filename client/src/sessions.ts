import type { CallOptions } from "./call-options.js";
import {
  fromNewSession,
  fromSessionFilter,
  toSessionInfo,
  toSessionPage,
} from "./convert/session.js";
import { invalidArgument } from "./errors.js";
import type { NewSession, SessionFilter, SessionInfo, SessionPage } from "./model/session.js";
import { eachItem } from "./paging.js";
import { Session } from "./session.js";
import { sessionMethods } from "./transport/methods.js";
import type { Transport } from "./transport/transport.js";

/** The sessions of a tenant. */
export class Sessions {
  readonly #transport: Transport;

  /** @internal */
  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Opens the session with this id or key, and creates it where there is none.
   *
   * A session that exists is found by `id` or `key` alone; the other fields serve only
   * when it is created. Of any number of concurrent calls for one key, one creates and
   * all get the same session. Without id and key it creates a session. `created` of the
   * result tells which it was. Only where an `id` was given, an answer lost and the call
   * repeated, it may say of a session that this call created that it was there.
   *
   * @throws StateError `already_exists` if id and key name two sessions, or the id is someone else's.
   * @throws StateError `failed_precondition` SESSION_DELETED if a session with this id was deleted.
   *
   * @example
   * const session = await state.sessions.open({ key: "support-42" });
   */
  async open(session: NewSession = {}, options?: CallOptions): Promise<Session> {
    const sent = fromNewSession(session);
    const response = await this.#transport.unary(
      sessionMethods.openSession,
      { session: sent },
      options,
    );
    const info = toSessionInfo(response.session);
    // An id that this call chose names what the call created, if only by a lost first attempt.
    const isOwn = session.id === undefined && info.id === sent.id;
    return new Session(this.#transport, info, response.created || isOwn);
  }

  /**
   * Creates a session.
   *
   * Creating the same id again with the same fields gives the session as it is now.
   *
   * @throws StateError `already_exists` ID_REUSED if the id is taken, KEY_TAKEN if the key is.
   * @throws StateError `failed_precondition` SESSION_DELETED if a session with this id was deleted.
   */
  async create(session: NewSession = {}, options?: CallOptions): Promise<Session> {
    const request = { session: fromNewSession(session) };
    const response = await this.#transport.unary(sessionMethods.createSession, request, options);
    return new Session(this.#transport, toSessionInfo(response.session), true);
  }

  /**
   * Gives the session with this id, or with this key.
   *
   * @throws StateError `not_found` SESSION_NOT_FOUND or SESSION_DELETED.
   *
   * @example
   * const session = await state.sessions.get({ key: "support-42" });
   */
  async get(session: string | { readonly key: string }, options?: CallOptions): Promise<Session> {
    const request = { session: toSelector(session) };
    const response = await this.#transport.unary(sessionMethods.getSession, request, options);
    return new Session(this.#transport, toSessionInfo(response.session), false);
  }

  /**
   * Lists sessions, the most recently active first, fetching pages as they are needed.
   *
   * No session comes twice; one that becomes active meanwhile moves ahead and may be
   * missed. What it gives is plain: `get(info.id)` makes a handle of it.
   */
  list(filter: SessionFilter = {}, options?: CallOptions): AsyncGenerator<SessionInfo, void> {
    return eachItem(async (pageToken) => {
      const page = await this.listPage({ ...filter, pageToken }, options);
      return { items: page.sessions, nextPageToken: page.nextPageToken };
    });
  }

  /**
   * Lists one page of sessions: the first, or the one that `pageToken` names.
   *
   * @throws StateError `invalid_argument` if the token was edited or belongs to another list.
   */
  async listPage(
    filter: SessionFilter & { readonly pageToken?: string | undefined } = {},
    options?: CallOptions,
  ): Promise<SessionPage> {
    const request = fromSessionFilter(filter);
    return toSessionPage(
      await this.#transport.unary(sessionMethods.listSessions, request, options),
    );
  }

  /**
   * Deletes a session with its messages and states. Its id is never used again, its key
   * is free.
   *
   * @throws StateError `not_found` SESSION_NOT_FOUND or SESSION_DELETED.
   */
  async delete(id: string, options?: CallOptions): Promise<void> {
    const { deleteSession } = sessionMethods;
    await this.#transport.unary(deleteSession, { sessionId: id }, { ...options, repeat: "delete" });
  }
}

function toSelector(session: string | { readonly key: string }) {
  if (typeof session === "string") return { case: "sessionId", value: session } as const;
  if (typeof session?.key === "string") return { case: "key", value: session.key } as const;
  throw invalidArgument("session", "give an id, or an object with a key");
}
