import { setTimeout as pause } from "node:timers/promises";
import { Client, type ClientConfig } from "pg";
import type { Doorbell } from "../domain/doorbell.js";
import type { Logger } from "../domain/log.js";
import { forgetOldest } from "./forget-oldest.js";

const CHANNEL = "mofa_state";

/** What is said on the channel beside ids: that somebody listens, and that those who do are to say so. */
const LISTENING = "+";
const WHO_LISTENS = "?";

/** For how long who said so is taken to listen, and after how long it is said again, in milliseconds. */
const BELIEVED_MS = 60_000;
const REPEAT_MS = 20_000;

/** How many ids fit into one notification, which holds less than 8,000 bytes. */
const IDS_PER_NOTIFICATION = 200;

/** How many sessions may wait to be rung for, while the database takes its time. */
const MAX_PENDING = 20_000;

/** How many sessions are remembered for which was rung while nobody listened, and for how long, in milliseconds. */
const MAX_UNTOLD = 1_000;
const UNTOLD_MS = 5_000;

const FIRST_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 2_000;

/** How long connecting, a statement, or a farewell may take, in milliseconds. */
const PATIENCE_MS = 5_000;

/** After which silence the operating system asks whether the other end is there, in milliseconds. */
const KEEP_ALIVE_DELAY_MS = 10_000;

/** One statement for any number of notifications; prepared once a connection. */
const RING = {
  name: "mofa_state_ring",
  text: `SELECT pg_notify('${CHANNEL}', ids) FROM unnest($1::text[]) AS ids`,
};

/** What a {@link PostgresDoorbell} is opened with. */
export interface PostgresDoorbellOptions {
  /** The URL of the database, where nobody else uses the channel `mofa_state`. */
  readonly url: string;
  readonly logger: Logger;
}

/**
 * The doorbell of PostgreSQL: NOTIFY and LISTEN, on one connection of its own.
 *
 * A NOTIFY inside a transaction that writes would lock the whole database while that
 * commits. Here those who ring while a notification is on its way go together with the next.
 *
 * Most servers are alone on their database, or nobody follows on the others: where nobody has
 * said to listen, nobody is rung for. Who says so is told what was rung for a moment before: it
 * may have looked before that, and said so afterwards.
 *
 * The connection is made in the background, and anew whenever it is lost. Meanwhile
 * ringing does nothing.
 */
export class PostgresDoorbell implements Doorbell {
  readonly #options: PostgresDoorbellOptions;
  readonly #listeners = new Set<(sessionIds: readonly string[]) => void>();
  readonly #pending = new Set<string>();
  readonly #closing = new AbortController();
  readonly #kept: Promise<void>;
  /** The connection, while it listens. */
  #client: Client | undefined;
  #sending: Promise<void> | undefined;
  #isOutageKnown = false;
  /** When to take it that nobody else listens any more. */
  #believedUntil = 0;
  /** When was rung for sessions while nobody listened, the newest at the end. */
  readonly #untold = new Map<string, number>();
  /** When this one has said last that it listens, to all who are there. */
  #saidAt = Number.NEGATIVE_INFINITY;
  #repeating: NodeJS.Timeout | undefined;

  constructor(options: PostgresDoorbellOptions) {
    this.#options = options;
    this.#kept = this.#keepConnected();
  }

  ring(sessionId: string): void {
    const now = performance.now();
    if (now < this.#believedUntil) {
      this.#tell(sessionId);
      return;
    }
    this.#untold.delete(sessionId);
    this.#untold.set(sessionId, now);
    forgetOldest(this.#untold, MAX_UNTOLD);
  }

  listen(listener: (sessionIds: readonly string[]) => void): () => void {
    this.#listeners.add(listener);
    this.#repeating ??= setInterval(() => this.#sayListening(), REPEAT_MS).unref();
    // Followers may come and go many times a second.
    if (performance.now() - this.#saidAt > REPEAT_MS) this.#sayListening();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#stopRepeating();
    };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#stopRepeating();
    const client = this.#client;
    this.#client = undefined;
    await this.#sending;
    if (client !== undefined) await leave(client);
    await this.#kept;
  }

  #sayListening(): void {
    if (this.#client !== undefined) this.#saidAt = performance.now();
    this.#tell(LISTENING);
  }

  #stopRepeating(): void {
    clearInterval(this.#repeating);
    this.#repeating = undefined;
  }

  /** Tells the others an id, or a word. */
  #tell(word: string): void {
    if (this.#client === undefined || this.#pending.size >= MAX_PENDING) return;
    this.#pending.add(word);
    this.#sending ??= this.#send(this.#client);
  }

  async #send(client: Client): Promise<void> {
    try {
      while (this.#pending.size > 0) {
        const notifications = toNotifications([...this.#pending]);
        this.#pending.clear();
        await client.query({ ...RING, values: [notifications] });
      }
    } catch (error) {
      // The ids are lost: the other servers find them when they look.
      this.#pending.clear();
      this.#saidAt = Number.NEGATIVE_INFINITY;
      this.#warn(error);
      disconnect(client);
    } finally {
      this.#sending = undefined;
    }
  }

  async #keepConnected(): Promise<void> {
    const { signal } = this.#closing;
    let backoffMs = FIRST_BACKOFF_MS;
    while (!signal.aborted) {
      const client = new Client(toConfig(this.#options.url));
      try {
        const loss = lossOf(client);
        await this.#connect(client);
        backoffMs = FIRST_BACKOFF_MS;
        this.#begin(client);
        this.#warn(await loss);
      } catch (error) {
        this.#warn(error);
      }
      this.#client = undefined;
      disconnect(client);
      await pause(backoffMs, undefined, { signal, ref: false }).catch(() => undefined);
      backoffMs = Math.min(2 * backoffMs, MAX_BACKOFF_MS);
    }
  }

  async #connect(client: Client): Promise<void> {
    const { signal } = this.#closing;
    const abandon = () => disconnect(client);
    signal.addEventListener("abort", abandon, { once: true });
    try {
      await client.connect();
      const own = await client.query<{ pid: number }>("SELECT pg_backend_pid() AS pid");
      client.on("notification", ({ payload = "", processId }) => {
        if (processId !== own.rows[0]?.pid) this.#hear(payload.split(","));
      });
      // What is told is of no use after a crash: it need not wait for the disk.
      await client.query("SET synchronous_commit = off");
      await client.query(`LISTEN ${CHANNEL}`);
      signal.throwIfAborted();
    } finally {
      signal.removeEventListener("abort", abandon);
    }
  }

  #begin(client: Client): void {
    this.#client = client;
    if (this.#isOutageKnown) this.#options.logger.info({}, "the doorbell of the database is back");
    this.#isOutageKnown = false;
    this.#tell(WHO_LISTENS);
    this.#answer();
  }

  /** Says whether this one listens to somebody who may not know. */
  #answer(): void {
    this.#saidAt = Number.NEGATIVE_INFINITY;
    if (this.#listeners.size > 0) this.#sayListening();
  }

  #hear(words: readonly string[]): void {
    const sessionIds = words.filter((word) => word !== LISTENING && word !== WHO_LISTENS);
    if (words.includes(LISTENING)) this.#believe();
    if (words.includes(WHO_LISTENS)) this.#answer();
    for (const listener of this.#listeners) listener(sessionIds);
  }

  /** Takes it that somebody listens, and tells what was rung for just before. */
  #believe(): void {
    const now = performance.now();
    this.#believedUntil = now + BELIEVED_MS;
    for (const [sessionId, at] of this.#untold) if (now - at < UNTOLD_MS) this.#tell(sessionId);
    this.#untold.clear();
  }

  /** Warns once an outage. */
  #warn(error: unknown): void {
    if (this.#isOutageKnown || this.#closing.signal.aborted) return;
    this.#isOutageKnown = true;
    this.#options.logger.warn(
      { err: error },
      "the doorbell of the database is lost: until it is back, changes on other servers are seen by polling",
    );
  }
}

function toConfig(url: string): ClientConfig {
  return {
    connectionString: url,
    application_name: "mofa-state doorbell",
    connectionTimeoutMillis: PATIENCE_MS,
    query_timeout: PATIENCE_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_DELAY_MS,
  };
}

/** Settles with the reason when the connection has ended; without a listener an error would end the process. */
function lossOf(client: Client): Promise<unknown> {
  return new Promise((resolve) => {
    client.on("error", resolve);
    client.on("end", () => resolve(new Error("the connection has ended")));
  });
}

/** Says goodbye, so that the database logs no broken connection, but does not wait for ever. */
async function leave(client: Client): Promise<void> {
  await Promise.race([client.end(), pause(PATIENCE_MS, undefined, { ref: false })]);
  disconnect(client);
}

function disconnect(client: Client): void {
  client.connection.stream.destroy();
}

/** Joins ids by commas, as many in each notification as it can hold. */
function toNotifications(ids: readonly string[]): string[] {
  const notifications: string[] = [];
  for (let start = 0; start < ids.length; start += IDS_PER_NOTIFICATION) {
    notifications.push(ids.slice(start, start + IDS_PER_NOTIFICATION).join(","));
  }
  return notifications;
}
