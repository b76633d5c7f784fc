import type { Message, SessionEvent } from "@mofa-state/client";
import { GrowingMessage } from "./growing-message.js";
import { MessageBlock } from "./message-block.js";
import { type Paint, toOneLine } from "./terminal-text.js";

/** How much of a text a line about it shows, in characters. */
const EXCERPT_LENGTH = 100;

/**
 * Turns what happens in a session into text for a terminal: a block for each message,
 * and a line for each change.
 *
 * The block of a message that is being written grows. What happens meanwhile waits until
 * that has ended.
 */
export class Transcript {
  readonly #paint: Paint;
  /** What is being written, by sequence: what is shown, and what waits. */
  readonly #growing = new Map<number, GrowingMessage>();
  #waiting: (GrowingMessage | string)[] = [];
  #block: MessageBlock | undefined;

  constructor(paint: Paint) {
    this.#paint = paint;
  }

  /** Takes the next event, and gives the text that is to be written next. */
  apply(event: SessionEvent): string {
    switch (event.type) {
      case "message":
        return this.#add(event.message);
      case "text_delta":
        this.#growing.get(event.sequence)?.addText(event.offset, event.text);
        return this.#block?.grow() ?? "";
      case "part_delta":
        this.#growing.get(event.sequence)?.addPart(event.partIndex, event.part);
        return this.#block?.grow() ?? "";
      case "message_updated":
        return this.#update(event.message);
      case "message_deleted":
        return this.#remove(event.sequence - 1, event.sequence) + this.#note(describe(event));
      case "messages_cleared":
        return (
          this.#remove(event.afterSequence, event.throughSequence) + this.#note(describe(event))
        );
      case "session_deleted":
        return this.#remove(0, Number.POSITIVE_INFINITY) + this.#note(describe(event));
      default:
        return this.#note(describe(event));
    }
  }

  /** Gives what waits, since nothing more is to come. */
  end(): string {
    let text = "";
    while (this.#block !== undefined) text += this.#closeBlock("still being written");
    return text;
  }

  #add(message: Message): string {
    const growing = new GrowingMessage(message);
    if (message.status === "streaming") this.#growing.set(message.sequence, growing);
    this.#waiting.push(growing);
    return this.#writeWaiting();
  }

  #update(message: Message): string {
    const { sequence, status } = message;
    const growing = this.#growing.get(sequence);
    if (growing === undefined) {
      return status === "streaming" ? this.#add(message) : this.#note(describeMessage(message));
    }
    growing.replace(message);
    if (status !== "streaming") this.#growing.delete(sequence);
    if (this.#block?.message !== growing) return "";
    return status === "streaming" ? this.#block.grow() : this.#closeBlock(toMark(growing));
  }

  /** Forgets what is being written after one sequence, through another. */
  #remove(after: number, through: number): string {
    const isGone = (item: GrowingMessage | string) =>
      typeof item !== "string" && item.sequence > after && item.sequence <= through;
    for (const growing of this.#growing.values()) {
      if (isGone(growing)) this.#growing.delete(growing.sequence);
    }
    this.#waiting = this.#waiting.filter((item) => !isGone(item));
    const shown = this.#block?.message.sequence ?? 0;
    return shown > after && shown <= through ? this.#closeBlock("deleted") : "";
  }

  #note(line: string): string {
    this.#waiting.push(line);
    return this.#writeWaiting();
  }

  #closeBlock(mark: string | undefined): string {
    const text = this.#block?.close(mark) ?? "";
    this.#block = undefined;
    return text + this.#writeWaiting();
  }

  /** Writes what waits, until a message comes that is being written. */
  #writeWaiting(): string {
    let text = "";
    while (this.#block === undefined) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      if (typeof next === "string") text += `${this.#paint("dim", `— ${next}`)}\n\n`;
      else text += this.#writeMessage(next);
    }
    return text;
  }

  #writeMessage(message: GrowingMessage): string {
    const block = new MessageBlock(message, this.#paint);
    const head = block.open();
    if (message.status !== "streaming") return head + block.close(toMark(message));
    this.#block = block;
    return head + block.grow();
  }
}

function toMark({ status }: GrowingMessage): string | undefined {
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
