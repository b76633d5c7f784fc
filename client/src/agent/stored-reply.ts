import type { MessageWriter } from "../message-writer.js";
import type { Message } from "../model/message.js";
import type { MessageEnding } from "../model/writing.js";
import { quiet } from "../quiet.js";
import type { Session } from "../session.js";
import { newId } from "../uuid.js";
import { isRefused } from "./refusals.js";

/** A reply that is written to a session of the server. */
export class StoredReply {
  readonly #session: Session;
  readonly #header = { id: newId(), role: "assistant" } as const;
  readonly #options = { writerId: newId() };
  readonly #writer: MessageWriter;

  /** `onFailure` is called with what the writing fails with for good. */
  constructor(session: Session, onFailure: (error: unknown) => void) {
    this.#session = session;
    this.#writer = this.#open();
    this.#writer.ended.catch(onFailure);
  }

  /** Adds text. What goes wrong is thrown by `finish`. */
  write(text: string): void {
    // It repeats itself until it fails for good.
    void quiet(this.#writer.write(text));
  }

  /** Ends the reply, and gives it. One that was refused can still be interrupted. */
  async finish(ending: MessageEnding): Promise<Message> {
    try {
      return await this.#writer.finish(ending);
    } catch (error) {
      if (ending.status !== "interrupted" || !isRefused(error)) throw error;
      // The server has stored what it had taken, and has ended the writing with the refusal.
      return this.#open().finish(ending);
    }
  }

  #open(): MessageWriter {
    return this.#session.write(this.#header, this.#options);
  }
}
