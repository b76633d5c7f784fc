import { onTestFinished } from "vitest";
import { DEFAULT_LIMITS, type Limits } from "../../../../server/src/domain/limits.js";
import { SILENT_LOGGER } from "../../../../server/src/domain/log.js";
import type { Message } from "../../../../server/src/domain/model.js";
import type { SessionRef, Storage } from "../../../../server/src/domain/storage.js";
import type { WriteStorage } from "../../../../server/src/domain/write-storage.js";
import type { WriteStart } from "../../../../server/src/domain/writing/write-input.js";
import { Writes } from "../../../../server/src/domain/writing/writes.js";
import type { WritingOptions } from "../../../../server/src/domain/writing/writing-environment.js";
import { createSession, EVERYTHING, WIDE } from "../../../storage/contract/samples.js";
import { openForTest } from "../../../storage/contract/storage-suite.js";
import { KeptAnnouncements } from "./kept-announcements.js";
import { startOf, Writer } from "./writer.js";

/** Longer than any test: what is due then never happens. */
export const NEVER_MS = 2 ** 31 - 1;

/** How a test has messages written. */
export interface WritingSample
  extends Partial<Omit<WritingOptions, "announcements" | "logger">>,
    Partial<Pick<Limits, "maxRequestBytes">> {
  /** Stands between the writers and what keeps their messages. */
  readonly through?: (writes: WriteStorage) => Partial<WriteStorage>;
}

/** A session in a database in memory, in which messages are written. */
export class WrittenSession {
  readonly storage: Storage;
  readonly ref: SessionRef;
  readonly writes: Writes;
  readonly announced = new KeptAnnouncements();

  constructor(storage: Storage, ref: SessionRef, given: WritingSample) {
    const { through, maxRequestBytes = DEFAULT_LIMITS.maxRequestBytes, ...options } = given;
    this.storage = storage;
    this.ref = ref;
    const writes = through === undefined ? storage.writes : passing(storage.writes, through);
    const limits = { ...DEFAULT_LIMITS, maxRequestBytes };
    this.writes = new Writes({ ...storage, writes } as Storage, limits, {
      announcements: this.announced,
      leaseMs: NEVER_MS,
      checkpointIntervalMs: NEVER_MS,
      checkpointBytes: NEVER_MS,
      logger: SILENT_LOGGER,
      ...options,
    });
    onTestFinished(() => this.writes.close());
  }

  /** Opens a stream that has sent nothing yet. */
  open(): Writer {
    const { tenantId } = this.ref;
    const writer = new Writer((requests, signal) => this.writes.write(tenantId, requests, signal));
    onTestFinished(() => writer.leave());
    return writer;
  }

  /** Begins a message, or goes on with one. */
  start(given: Parameters<typeof startOf>[0] = {}): { writer: Writer; start: WriteStart } {
    const writer = this.open();
    const start = startOf({ sessionId: this.ref.sessionId, ...given });
    writer.send(start);
    return { writer, start };
  }

  /** Gives the one message of the session, as far as it is durable. */
  async stored(): Promise<Message> {
    const { items } = await this.storage.messages.read(this.ref, EVERYTHING, WIDE);
    const [message] = items;
    if (message === undefined) throw new Error("nothing was written");
    return message;
  }
}

/** Creates a session in a database of its own. */
export async function createWrittenSession(given: WritingSample = {}): Promise<WrittenSession> {
  const storage = await openForTest("memory:");
  return new WrittenSession(storage, await createSession(storage), given);
}

function passing(
  writes: WriteStorage,
  through: (writes: WriteStorage) => Partial<WriteStorage>,
): WriteStorage {
  return {
    start: (...given) => writes.start(...given),
    checkpoint: (...given) => writes.checkpoint(...given),
    renew: (...given) => writes.renew(...given),
    release: (...given) => writes.release(...given),
    finish: (...given) => writes.finish(...given),
    interruptExpired: () => writes.interruptExpired(),
    ...through(writes),
  };
}
