import type { Message, SessionEvent, SessionInfo } from "@mofa-state/client";

/** What a follower holds of a session: its events, applied one after the other. */
export class SessionReplica {
  /** By sequence. */
  readonly messages = new Map<number, Message>();
  /** The newest version of each key, as far as events told it; 0 where it was deleted. */
  readonly states = new Map<string, number>();
  /** How many bytes of text there are of a message that deltas came for. */
  readonly #bytes = new Map<number, number>();
  /** The session, once an event told it. */
  session: SessionInfo | undefined;

  /** Applies an event, and says what is wrong with it for one who holds this. */
  apply(event: SessionEvent): string | undefined {
    switch (event.type) {
      case "message":
      case "message_updated":
        return this.#keep(event.type, event.message);
      case "text_delta":
      case "part_delta":
        return this.#extend(event);
      case "message_deleted":
        this.messages.delete(event.sequence);
        return undefined;
      case "messages_cleared":
        this.#clear(event.afterSequence, event.throughSequence);
        return undefined;
      case "session_updated":
        this.session = event.session;
        return undefined;
      case "state_put":
        for (const { key, version } of event.states) this.states.set(key, version);
        return undefined;
      case "state_deleted":
        this.states.set(event.key, 0);
        return undefined;
      case "session_deleted":
        return undefined;
    }
  }

  #keep(type: "message" | "message_updated", message: Message): string | undefined {
    const held = this.messages.get(message.sequence);
    this.messages.set(message.sequence, message);
    this.#bytes.delete(message.sequence);
    if (type === "message" && held !== undefined) return `message ${message.sequence} came twice`;
    if (type === "message_updated" && held === undefined) {
      return `a change of message ${message.sequence} came before the message`;
    }
    if (held !== undefined && message.revision < held.revision) {
      return `message ${message.sequence} went back from revision ${held.revision} to ${message.revision}`;
    }
    return undefined;
  }

  #extend(event: SessionEvent & { readonly type: "text_delta" | "part_delta" }) {
    const { sequence, type } = event;
    const held = this.messages.get(sequence);
    if (held === undefined) return `a delta of message ${sequence} came before the message`;
    if (held.status !== "streaming") return `a delta came of message ${sequence}: ${held.status}`;
    if (type === "part_delta") {
      const parts = [...held.parts.slice(0, event.partIndex), event.part];
      this.messages.set(sequence, { ...held, parts });
      return event.partIndex > held.parts.length ? `message ${sequence} lacks parts` : undefined;
    }
    // Nearly every delta goes on at the end, where a long text need not be encoded.
    const bytes = this.#bytes.get(sequence) ?? Buffer.byteLength(held.content);
    const goesOn = event.offset === bytes;
    const kept = goesOn ? held.content : startOf(held.content, event.offset);
    this.messages.set(sequence, { ...held, content: kept + event.text });
    const before = goesOn ? bytes : Buffer.byteLength(kept);
    this.#bytes.set(sequence, before + Buffer.byteLength(event.text));
    return event.offset > bytes ? `message ${sequence} lacks text` : undefined;
  }

  #clear(afterSequence: number, throughSequence: number): void {
    for (const sequence of this.messages.keys()) {
      if (sequence > afterSequence && sequence <= throughSequence) this.messages.delete(sequence);
    }
  }
}

/** Gives the first bytes of a text. */
function startOf(text: string, bytes: number): string {
  return Buffer.from(text).subarray(0, bytes).toString();
}
