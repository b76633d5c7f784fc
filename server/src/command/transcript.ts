import type { Message, SessionEvent } from "@mofa-state/client";
import { MessageBlock, type MessageEvent } from "./message-block.js";
import { type Paint, toOneLine } from "./terminal-text.js";

/** How much of a text a line about it shows, in characters. */
const EXCERPT_LENGTH = 100;

/** How much may wait for the end of a message that is being written. */
const MAX_WAITING = 1_000;

/**
 * Turns what happens in a session into text for a terminal: a block for each message,
 * and a line for each change.
 *
 * The block of a message that is being written grows. What happens meanwhile waits until
 * that has ended, or until too much waits: then the message goes on in a block below.
 */
export class Transcript {
  readonly #paint: Paint;
  /** What is being written, by sequence: what is shown, and what waits. */
  readonly #growing = new Map<number, MessageBlock>();
  #waiting: (MessageBlock | string)[] = [];
  #shown: MessageBlock | undefined;

  constructor(paint: Paint) {
    this.#paint = paint;
  }

  /** Takes the next event, and gives the text that is to be written next. */
  apply(event: SessionEvent): string {
    switch (event.type) {
      case "message":
        return this.#add(event.message);
      case "text_delta":
      case "part_delta":
        return this.#growing.get(event.sequence)?.apply(event) ?? "";
      case "message_updated":
        return this.#update(event);
      case "message_deleted":
        return this.#remove(event.sequence - 1, event.sequence) + this.#write(describe(event));
      case "messages_cleared":
        return (
          this.#remove(event.afterSequence, event.throughSequence) + this.#write(describe(event))
        );
      case "session_deleted":
        return this.#remove(0, Number.POSITIVE_INFINITY) + this.#write(describe(event));
      default:
        return this.#write(describe(event));
    }
  }

  /** Gives what waits, since nothing more is to come. */
  end(): string {
    let text = "";
    while (this.#shown !== undefined) text += this.#closeShown("still being written");
    return text;
  }

  #add(message: Message): string {
    const block = new MessageBlock(message, this.#paint);
    if (message.status === "streaming") this.#growing.set(message.sequence, block);
    return this.#write(block);
  }

  #update(event: Extract<MessageEvent, { readonly type: "message_updated" }>): string {
    const { message } = event;
    const block = this.#growing.get(message.sequence);
    if (block === undefined) {
      const goesOn = message.status === "streaming";
      return goesOn ? this.#add(message) : this.#write(describeMessage(message));
    }
    const text = block.apply(event);
    if (message.status === "streaming") return text;
    this.#growing.delete(message.sequence);
    return block === this.#shown ? text + this.#closeShown(toMark(message)) : text;
  }

  /** Forgets what is being written after one sequence, through another. */
  #remove(after: number, through: number): string {
    const isIn = (sequence: number) => sequence > after && sequence <= through;
    for (const sequence of this.#growing.keys()) {
      if (isIn(sequence)) this.#growing.delete(sequence);
    }
    this.#waiting = this.#waiting.filter(
      (item) => typeof item === "string" || !isIn(item.message.sequence),
    );
    return isIn(this.#shown?.message.sequence ?? 0) ? this.#closeShown("deleted") : "";
  }

  /** Writes a line or a block when all that waits before it is written. */
  #write(item: MessageBlock | string): string {
    this.#waiting.push(item);
    if (this.#shown === undefined || this.#waiting.length <= MAX_WAITING) {
      return this.#writeWaiting();
    }
    this.#waiting.push(this.#shown);
    return this.#closeShown("goes on below");
  }

  #closeShown(mark: string | undefined): string {
    const text = this.#shown?.close(mark) ?? "";
    this.#shown = undefined;
    return text + this.#writeWaiting();
  }

  /** Writes what waits, until a message comes that is being written. */
  #writeWaiting(): string {
    let text = "";
    while (this.#shown === undefined) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      if (typeof next === "string") text += `${this.#paint("dim", `— ${next}`)}\n\n`;
      else text += this.#open(next);
    }
    return text;
  }

  #open(block: MessageBlock): string {
    const text = block.open();
    if (block.message.status !== "streaming") return text + block.close(toMark(block.message));
    this.#shown = block;
    return text;
  }
}

function toMark({ status }: Message): string | undefined {
  return status === "complete" ? undefined : status;
}

type ChangeEvent = Exclude<
  SessionEvent,
  { readonly type: "message" | "text_delta" | "part_delta" | "message_updated" }
>;

/** Says in one line what has happened. */
function describe(event: ChangeEvent): string {
  switch (event.type) {
    case "message_deleted":
      return `message #${event.sequence} was deleted`;
    case "messages_cleared":
      return `messages #${event.afterSequence + 1} to #${event.throughSequence} were cleared`;
    case "session_updated":
      return `the session was changed: ${excerpt(event.session.title)}`;
    case "session_deleted":
      return "the session was deleted";
    case "state_put": {
      const states = event.states.map(({ key, version }) => `${excerpt(key)} version ${version}`);
      return `state was put: ${states.join(", ")}`;
    }
    case "state_deleted":
      return `state was deleted: ${excerpt(event.key)} version ${event.version}`;
  }
}

function describeMessage({ sequence, status, version, content }: Message): string {
  const whole = version > 1 ? "was edited" : "is complete";
  return `message #${sequence} ${status === "interrupted" ? "was interrupted" : whole}: ${excerpt(content)}`;
}

function excerpt(text: string): string {
  return `"${toOneLine(text, EXCERPT_LENGTH)}"`;
}
