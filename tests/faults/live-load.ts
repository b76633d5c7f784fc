import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { Message, NewMessage, Session, State } from "@mofa-state/client";
import { onTestFinished } from "vitest";
import { type Pipelined, PipelinedLoad } from "./pipelined-load.js";
import { isUnknownEnd } from "./unknown-end.js";

/** What a load has stored, as far as it was told. */
export interface Stored {
  readonly appended: readonly Message[];
  readonly written: readonly Message[];
  readonly pipelined: Pipelined;
}

/** How many append at once. */
const APPENDERS = 2;

/** How many words a message has that is written. */
const WORDS = 40;

/** About as fast as a model speaks. */
const WORD_MS = 2;

/**
 * Writes to a session without an end, until it is stopped or the test ends: appends, one by
 * one and through a pipeline, edits, and messages word by word. It survives that servers go,
 * as long as one comes back.
 */
export function startLoad(state: State, session: Session): LiveLoad {
  const load = new LiveLoad(session, new PipelinedLoad(state.pipeline(), session));
  onTestFinished(async () => void (await load.stop().catch(() => undefined)));
  return load;
}

/** What writes to a session while something breaks. */
export class LiveLoad {
  readonly #session: Session;
  readonly #pipelined: PipelinedLoad;
  readonly #appended: Message[] = [];
  readonly #written: Message[] = [];
  readonly #lookers = new Set<() => void>();
  readonly #loops: readonly Promise<void>[];
  #isOver = false;

  constructor(session: Session, pipelined: PipelinedLoad) {
    this.#session = session;
    this.#pipelined = pipelined;
    const appenders = Array.from({ length: APPENDERS }, () => () => this.#append());
    const steps = [...appenders, () => this.#write(), () => pipelined.send()];
    this.#loops = steps.map((step) => this.#repeat(step));
    // Who stops it is told what failed; until then it is nobody's.
    for (const loop of this.#loops) loop.catch(() => undefined);
  }

  /**
   * Waits until so many more appends have been answered, and one that was pipelined, and one
   * more message was written.
   */
  async progress(appends: number): Promise<void> {
    const [appended, written] = [this.#appended.length + appends, this.#written.length + 1];
    const acknowledged = this.#pipelined.acknowledged + 1;
    const isThere = () =>
      this.#appended.length >= appended &&
      this.#written.length >= written &&
      this.#pipelined.acknowledged >= acknowledged;
    let look = () => {};
    const arrived = new Promise<void>((resolve) => {
      look = () => {
        if (isThere()) resolve();
      };
      this.#lookers.add(look);
    });
    await Promise.race([arrived, Promise.all(this.#loops)]);
    this.#lookers.delete(look);
  }

  /** Ends it when what is under way is answered, and gives what it stored. */
  async stop(): Promise<Stored> {
    this.#isOver = true;
    await Promise.all(this.#loops);
    const pipelined = await this.#pipelined.close();
    return { appended: this.#appended, written: this.#written, pipelined };
  }

  async #repeat(step: () => Promise<void>): Promise<void> {
    while (!this.#isOver) {
      await step();
      for (const look of this.#lookers) look();
    }
  }

  async #append(): Promise<void> {
    const number = this.#appended.length;
    const message = { id: randomUUID(), role: "user", content: `append ${number}` } as const;
    const stored = await this.#appendSurely(message);
    if (number % 10 === 9) await this.#edit(stored, `edited after ${number}`);
    else this.#appended.push(stored);
  }

  /** Appends once, however often it takes. */
  async #appendSurely(message: NewMessage): Promise<Message> {
    for (;;) {
      try {
        const { messages } = await this.#session.append(message);
        const [stored] = messages;
        if (stored === undefined) throw new Error("the answer has no message");
        return stored;
      } catch (error) {
        if (!isUnknownEnd(error)) throw error;
      }
    }
  }

  async #edit({ id }: Message, content: string): Promise<void> {
    for (;;) {
      try {
        this.#appended.push(await this.#session.updateMessage(id, { content }));
        return;
      } catch (error) {
        if (!isUnknownEnd(error)) throw error;
      }
    }
  }

  async #write(): Promise<void> {
    const writer = this.#session.write({ role: "assistant" });
    const words = Array.from({ length: WORDS }, (_, number) => `wörd ${number} 🦔 `);
    for (const word of words) {
      await writer.write(word);
      await pause(WORD_MS);
    }
    const message = await writer.finish();
    if (message.content !== words.join("")) {
      throw new Error(`message ${message.sequence} was written as "${message.content}"`);
    }
    this.#written.push(message);
  }
}
