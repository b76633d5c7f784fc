import type { SessionEvent } from "./model/follow.js";
import type { Message } from "./model/message.js";

type TextDelta = Extract<SessionEvent, { readonly type: "text_delta" }>;
type PartDelta = Extract<SessionEvent, { readonly type: "part_delta" }>;

/**
 * The messages of a session, kept up to date by the events of {@link Session.follow}.
 *
 * It keeps every message that an event brought, and nothing else: changes of messages that
 * it has not are passed over. Its messages are replaced, never altered, so that one that is
 * the same object has not changed.
 *
 * @example
 * const conversation = new Conversation();
 * for await (const event of session.follow({ last: 50, deltas: true })) {
 *   conversation.apply(event);
 *   render(conversation.messages);
 * }
 */
export class Conversation {
  /** By sequence, in its order. */
  readonly #messages = new Map<number, Message>();
  /** How many UTF-8 bytes the content has of a message that deltas came for. */
  readonly #contentBytes = new Map<number, number>();

  /** Begins with messages that were read before, in the order of their sequences. */
  constructor(messages: Iterable<Message> = []) {
    for (const message of messages) this.#messages.set(message.sequence, message);
  }

  /** The messages as they are now, in the order of their sequences. */
  get messages(): readonly Message[] {
    return [...this.#messages.values()];
  }

  /** Takes in what happened. Events are to be applied in the order in which they come. */
  apply(event: SessionEvent): void {
    switch (event.type) {
      case "message":
        this.#put(event.message);
        break;
      case "message_updated":
        if (this.#messages.has(event.message.sequence)) this.#put(event.message);
        break;
      case "text_delta":
        this.#addText(event);
        break;
      case "part_delta":
        this.#addPart(event);
        break;
      case "message_deleted":
        this.#remove(event.sequence, event.sequence);
        break;
      case "messages_cleared":
        this.#remove(event.afterSequence + 1, event.throughSequence);
        break;
      case "session_deleted":
        this.#remove(0, Infinity);
    }
  }

  #put(message: Message): void {
    this.#messages.set(message.sequence, message);
    this.#contentBytes.delete(message.sequence);
  }

  #addText({ sequence, offset, text }: TextDelta): void {
    const message = this.#messages.get(sequence);
    if (message === undefined) return;
    const content = this.#textUntil(message, offset) + text;
    this.#messages.set(sequence, { ...message, content });
    this.#contentBytes.set(sequence, offset + Buffer.byteLength(text));
  }

  #textUntil({ sequence, content }: Message, offset: number): string {
    // Nearly every delta goes on at the end, and a long text is not to be encoded for each.
    if (this.#contentBytes.get(sequence) === offset) return content;
    return Buffer.from(content).subarray(0, offset).toString();
  }

  #addPart({ sequence, partIndex, part }: PartDelta): void {
    const message = this.#messages.get(sequence);
    if (message === undefined) return;
    this.#messages.set(sequence, {
      ...message,
      parts: [...message.parts.slice(0, partIndex), part],
    });
  }

  #remove(from: number, through: number): void {
    for (const sequence of this.#messages.keys()) {
      if (sequence < from || sequence > through) continue;
      this.#messages.delete(sequence);
      this.#contentBytes.delete(sequence);
    }
  }
}
