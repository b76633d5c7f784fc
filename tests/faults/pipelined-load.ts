import { setTimeout as pause } from "node:timers/promises";
import type { Appended, AppendPipeline, Message, Session } from "@mofa-state/client";
import { isUnknownEnd } from "./unknown-end.js";

/** What was pipelined, as far as is known. */
export interface Pipelined {
  /** What was acknowledged, in the order in which it was sent. */
  readonly acknowledged: readonly Message[];
  /** The contents of what may be stored or not. */
  readonly unknown: readonly string[];
}

/** How many appends are sent one right after the other. */
const BURST = 4;

/** How many appends may wait for their answers. */
const WINDOW = 16;

/** How long it takes from one burst to the next: what is stored is read many times in the end. */
const PAUSE_MS = 100;

/** Appends to a session through a pipeline, without waiting for the answers. */
export class PipelinedLoad {
  readonly #pipeline: AppendPipeline;
  readonly #session: Session;
  readonly #sent: { readonly content: string; readonly answer: Promise<Appended> }[] = [];
  #acknowledged = 0;

  constructor(pipeline: AppendPipeline, session: Session) {
    this.#pipeline = pipeline;
    this.#session = session;
  }

  /** How many appends were acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /**
   * Sends the next few appends, once there are not too many without an answer.
   *
   * @throws StateError of an append that surely was not stored.
   */
  async send(): Promise<void> {
    await known(this.#sent.at(-WINDOW)?.answer);
    for (let count = 0; count < BURST; count++) this.#sendOne();
    await pause(PAUSE_MS);
  }

  /** Ends the pipeline when all is answered, and gives what became of it. */
  async close(): Promise<Pipelined> {
    await this.#pipeline.close();
    const acknowledged: Message[] = [];
    const unknown: string[] = [];
    for (const { content, answer } of this.#sent) {
      const appended = await known(answer);
      if (appended === undefined) unknown.push(content);
      else acknowledged.push(...appended.messages);
    }
    return { acknowledged, unknown };
  }

  #sendOne(): void {
    const content = `pipelined ${this.#sent.length}`;
    const answer = this.#pipeline.append(this.#session, { role: "user", content });
    this.#sent.push({ content, answer });
    answer.then(
      () => this.#acknowledged++,
      () => undefined,
    );
  }
}

/** Gives what an append stored, or undefined where that is unknown. */
async function known(answer: Promise<Appended> | undefined): Promise<Appended | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (!isUnknownEnd(error)) throw error;
    return undefined;
  }
}
