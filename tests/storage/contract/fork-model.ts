import type { SessionRef, Storage } from "../../../server/src/domain/storage.js";
import {
  appendOf,
  endOf,
  forkOf,
  LONG_LEASE_MS,
  newMessage,
  startWrite,
  textOf,
} from "./samples.js";

/** What a session has to show, kept as a copy of its own. */
export interface ModelSession {
  readonly ref: SessionRef;
  head: number;
  /** The contents of the messages that there are, by sequence. */
  readonly contents: Map<number, string>;
  /** Which of them are pinned. */
  readonly pinned: Set<number>;
  /** The ids of all that there ever were, by sequence. */
  readonly ids: Map<number, string>;
}

/** Something that is done to one of the sessions; the numbers choose among what there is. */
export interface Operation {
  readonly type: "append" | "edit" | "pin" | "delete" | "clear" | "fork" | "drop" | "write";
  readonly session: number;
  readonly choice: number;
}

/** Does the same to a storage and to plain copies, to compare them. */
export class ForkModel {
  readonly sessions: ModelSession[] = [];
  readonly #storage: Storage;
  readonly #mark: string;
  #count = 0;

  /** All contents begin with `mark`. */
  constructor(storage: Storage, root: SessionRef, mark: string) {
    this.#storage = storage;
    this.#mark = mark;
    this.sessions.push({
      ref: root,
      head: 0,
      contents: new Map(),
      pinned: new Set(),
      ids: new Map(),
    });
  }

  /** Does one thing, if it can be done. */
  async run({ type, session: index, choice }: Operation): Promise<void> {
    const session = this.sessions[index % this.sessions.length];
    if (session === undefined) return;
    const live = [...session.contents.keys()].sort((a, b) => a - b);
    const chosen = live[choice % Math.max(1, live.length)];
    if (type === "append") return this.#append(session, 1 + (choice % 3));
    if (type === "fork") return this.#fork(session, choice % (session.head + 1));
    if (type === "clear") return this.#clear(session, choice % (session.head + 1));
    if (type === "write") return this.#write(session, chosen);
    if (type === "drop") return this.#drop(session);
    if (chosen === undefined) return;
    if (type === "pin") return this.#pin(session, chosen);
    if (type === "edit") return this.#edit(session, chosen);
    return this.#delete(session, chosen);
  }

  /** Deletes all sessions that there still are. */
  async dropAll(): Promise<void> {
    for (const { ref } of this.sessions) await this.#storage.sessions.delete(ref);
  }

  async #append(session: ModelSession, count: number): Promise<void> {
    const messages = Array.from({ length: count }, () => newMessage({ content: this.#text() }));
    await this.#storage.messages.append(session.ref, appendOf(...messages));
    for (const { id, content } of messages) this.#note(session, id, content);
  }

  async #edit(session: ModelSession, sequence: number): Promise<void> {
    const content = this.#text();
    const id = session.ids.get(sequence) ?? "";
    await this.#storage.messages.update(session.ref, id, { content }, undefined);
    session.contents.set(sequence, content);
  }

  async #pin(session: ModelSession, sequence: number): Promise<void> {
    const pinned = !session.pinned.delete(sequence);
    const id = session.ids.get(sequence) ?? "";
    await this.#storage.messages.update(session.ref, id, { pinned }, undefined);
    if (pinned) session.pinned.add(sequence);
  }

  async #delete(session: ModelSession, sequence: number): Promise<void> {
    await this.#storage.messages.delete(session.ref, session.ids.get(sequence) ?? "");
    session.contents.delete(sequence);
  }

  async #clear(session: ModelSession, after: number): Promise<void> {
    const cleared = [...session.contents.keys()].filter((sequence) => sequence > after);
    const count = await this.#storage.messages.clear(session.ref, after);
    if (count !== cleared.length) throw new Error(`${count} cleared, not ${cleared.length}`);
    for (const sequence of cleared) session.contents.delete(sequence);
  }

  async #fork(session: ModelSession, at: number): Promise<void> {
    if (this.sessions.length >= 6) return;
    const fork = forkOf(session.ref, at);
    await this.#storage.sessions.fork(session.ref, fork);
    const upTo = <T>(of: ReadonlyMap<number, T>) =>
      new Map([...of].filter(([sequence]) => sequence <= at));
    const ref = { tenantId: session.ref.tenantId, sessionId: fork.id };
    const { contents, ids } = session;
    const pinned = new Set([...session.pinned].filter((sequence) => sequence <= at));
    this.sessions.push({ ref, head: at, contents: upTo(contents), pinned, ids: upTo(ids) });
  }

  async #drop(session: ModelSession): Promise<void> {
    if (this.sessions.length < 2) return;
    await this.#storage.sessions.delete(session.ref);
    this.sessions.splice(this.sessions.indexOf(session), 1);
  }

  /** Writes a message at the end, or goes on with one that is interrupted; interrupts it in turn. */
  async #write(session: ModelSession, chosen: number | undefined): Promise<void> {
    const open = chosen === undefined ? undefined : session.contents.get(chosen);
    const goesOn = chosen !== undefined && open?.startsWith(`${this.#mark}-w`) === true;
    const id = goesOn ? session.ids.get(chosen) : undefined;
    const text = this.#text("w");
    const { sequence, messageId } = await writeSome(this.#storage, session.ref, id, text);
    if (goesOn) session.contents.set(sequence, `${open}${text}`);
    else this.#note(session, messageId, text);
  }

  #note(session: ModelSession, id: string, content: string): void {
    session.head += 1;
    session.ids.set(session.head, id);
    session.contents.set(session.head, content);
  }

  #text(kind = ""): string {
    this.#count += 1;
    return `${this.#mark}-${kind}${this.#count}`;
  }
}

async function writeSome(
  storage: Storage,
  session: SessionRef,
  id: string | undefined,
  text: string,
): Promise<{ readonly sequence: number; readonly messageId: string }> {
  const { ref } = await startWrite(storage, session, { header: id === undefined ? {} : { id } });
  await storage.writes.checkpoint(ref, textOf(text), LONG_LEASE_MS);
  await storage.writes.finish(ref, endOf({ status: "interrupted" }));
  return ref;
}
