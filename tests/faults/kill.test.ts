import { randomUUID } from "node:crypto";
import type { Message, NewMessage, Session } from "@mofa-state/client";
import { expect, it } from "vitest";
import { collect } from "../support/collect.js";
import { describeDatabases } from "../support/databases.js";
import { startServerProcess } from "../support/server-process.js";
import { connectForTest } from "../support/test-server.js";

const KILLS = 20;
const WRITERS = 4;
const BATCH = 5;

/** A writer that appends single messages and batches in turn, and survives its server. */
class Writer {
  /** What was acknowledged, append by append. */
  readonly acknowledged: (readonly Message[])[] = [];
  readonly #name: string;
  #pending: readonly NewMessage[] = [];
  #last: readonly NewMessage[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  /** Appends until the server is gone. What is not acknowledged is sent again the next time. */
  async run(session: Session, onAcknowledged: () => void): Promise<void> {
    try {
      await this.#repeatLast(session);
      for (;;) {
        await this.flush(session);
        onAcknowledged();
        this.#pending = this.#compose();
      }
    } catch (error) {
      expect(error).toMatchObject({ code: "unavailable" });
    }
  }

  /** Appends what is not acknowledged yet. */
  async flush(session: Session): Promise<void> {
    if (this.#pending.length === 0) return;
    const { messages } = await session.append(this.#pending);
    this.acknowledged.push(messages);
    this.#last = this.#pending;
    this.#pending = [];
  }

  /** Sends again what was acknowledged last: the answer is to be the same. */
  async #repeatLast(session: Session): Promise<void> {
    if (this.#last.length === 0) return;
    const { messages } = await session.append(this.#last);
    expect(messages).toEqual(this.acknowledged.at(-1));
  }

  #compose(): readonly NewMessage[] {
    const number = this.acknowledged.length;
    return Array.from({ length: number % 2 === 0 ? 1 : BATCH }, (_, index) => ({
      id: randomUUID(),
      role: "user",
      content: `${this.#name} ${number} ${index}`,
    }));
  }
}

function isConsecutive(messages: readonly Message[]): boolean {
  const first = messages[0]?.sequence ?? 0;
  return messages.every(({ sequence }, index) => sequence === first + index);
}

describeDatabases(
  "a server that is killed again and again",
  (database) => {
    it("keeps what it acknowledged, once and whole", { timeout: 180_000 }, async () => {
      const url = await database.create();
      const writers = Array.from({ length: WRITERS }, (_, index) => new Writer(`writer ${index}`));
      const sessionId = randomUUID();

      for (let kill = 0; kill < KILLS; kill++) {
        const server = await startServerProcess(url);
        const state = await connectForTest(server.address, { retry: { maxAttempts: 1 } });
        const session = await state.sessions.open({ id: sessionId });
        let left = 10 + 3 * kill;
        const onAcknowledged = () => {
          left -= 1;
          if (left === 0) server.kill("SIGKILL");
        };
        await Promise.all(writers.map((writer) => writer.run(session, onAcknowledged)));
        expect((await server.exited).signal).toBe("SIGKILL");
      }
      const server = await startServerProcess(url);
      const state = await connectForTest(server.address);
      const session = await state.sessions.get(sessionId);
      for (const writer of writers) await writer.flush(session);

      const appends = writers.flatMap(({ acknowledged }) => acknowledged);
      const expected = appends.flat().toSorted((a, b) => a.sequence - b.sequence);
      const stored = await collect(session.messages());
      expect(stored).toEqual(expected);
      expect(stored.map(({ sequence }) => sequence)).toEqual(stored.map((_, index) => index + 1));
      expect(appends.filter((messages) => !isConsecutive(messages))).toEqual([]);
      expect(appends.length).toBeGreaterThan(KILLS * 10);
      expect((await session.refresh()).messageCount).toBe(stored.length);
    });
  },
  ["sqlite", "postgres"],
);
