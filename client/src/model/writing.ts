import type { Message, NewMessage } from "./message.js";
import type { Part } from "./part.js";
import type { WrittenApiCall } from "./usage.js";

/** What is known of a message before it is written. */
export type MessageHeader = Omit<NewMessage, "content" | "parts">;

/** How a message that was written ends. */
export interface MessageEnding {
  /** The parts, all of them; those that were written stay where it is absent or empty. */
  readonly parts?: readonly Part[] | undefined;
  /** `complete` by default; `interrupted` for an answer that was cut short. */
  readonly status?: "complete" | "interrupted" | undefined;
  /** Absent leaves what the header says. */
  readonly tokenCount?: number | undefined;
  /** The call to the model that produced the message, to record in the same transaction. */
  readonly apiCall?: WrittenApiCall | undefined;
}

/** Where the writing of a message begins, or goes on. */
export interface WritingStart {
  /** The message's place in the session. */
  readonly sequence: number;
  /** How many UTF-8 bytes of content there were before: 0 for a new message. */
  readonly offset: number;
  /** How many parts there were before. */
  readonly partCount: number;
  /** The message, if it was finished before: then nothing can be added to it. */
  readonly message: Message | undefined;
}
