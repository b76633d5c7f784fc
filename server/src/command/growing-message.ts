import type { Message, MessageStatus, Part, Role } from "@mofa-state/client";

/** A message as far as it is known while it is written. */
export class GrowingMessage {
  readonly sequence: number;
  readonly role: Role;
  #status: MessageStatus;
  #content: string;
  #contentBytes: number;
  #parts: readonly Part[];

  constructor(message: Message) {
    this.sequence = message.sequence;
    this.role = message.role;
    this.#status = message.status;
    this.#content = message.content;
    this.#contentBytes = Buffer.byteLength(message.content);
    this.#parts = message.parts;
  }

  get status(): MessageStatus {
    return this.#status;
  }

  get content(): string {
    return this.#content;
  }

  get parts(): readonly Part[] {
    return this.#parts;
  }

  /** Takes the message as it is now. */
  replace({ status, content, parts }: Message): void {
    this.#status = status;
    this.#content = content;
    this.#contentBytes = Buffer.byteLength(content);
    this.#parts = parts;
  }

  /** Puts a text in the place of what comes after the first `offset` UTF-8 bytes. */
  addText(offset: number, text: string): void {
    if (offset !== this.#contentBytes) {
      this.#content = Buffer.from(this.#content).toString("utf8", 0, offset);
      this.#contentBytes = Buffer.byteLength(this.#content);
    }
    this.#content += text;
    this.#contentBytes += Buffer.byteLength(text);
  }

  /** Puts a part in the place of those from `partIndex` on. */
  addPart(partIndex: number, part: Part): void {
    this.#parts = [...this.#parts.slice(0, partIndex), part];
  }
}
