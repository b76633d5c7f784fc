import {
  Conversation,
  type Message,
  type Part,
  type Role,
  type SessionEvent,
} from "@mofa-state/client";
import { type Paint, type Style, toOneLine, toVisible } from "./terminal-text.js";

const ROLE_STYLES: Readonly<Record<Role, Style>> = {
  system: "magenta",
  user: "cyan",
  assistant: "green",
  tool: "yellow",
};

/** How much of a part its line shows, in characters. */
const PART_LENGTH = 200;

/** What changes one message that is there. */
export type MessageEvent = Extract<
  SessionEvent,
  { readonly type: "text_delta" | "part_delta" | "message_updated" }
>;

/** The block of one message in a terminal, which can grow at its end only. */
export class MessageBlock {
  readonly #paint: Paint;
  readonly #conversation: Conversation;
  #message: Message;
  #isOpen = false;
  /** What is shown. Of a message that is being written, the content is its beginning. */
  #content = "";
  #parts: readonly Part[] = [];
  #partLines: readonly string[] = [];
  #atLineStart = true;

  constructor(message: Message, paint: Paint) {
    this.#paint = paint;
    this.#conversation = new Conversation([message]);
    this.#message = message;
  }

  /** The message as it is now. */
  get message(): Message {
    return this.#message;
  }

  /** Takes in what happened to the message, and gives what an open block shows of it. */
  apply(event: MessageEvent): string {
    this.#conversation.apply(event);
    this.#message = this.#conversation.messages[0] ?? this.#message;
    if (!this.#isOpen) return "";
    return this.#growContent(newText(event)) + this.#growParts();
  }

  /** Gives the block's first line, and what it does not show yet. */
  open(): string {
    this.#isOpen = true;
    const { role, sequence, content } = this.#message;
    const head = this.#paint("bold", this.#paint(ROLE_STYLES[role], role));
    const number = this.#paint("dim", `#${sequence}`);
    return `${head} ${number}\n${this.#growContent(content)}${this.#growParts()}`;
  }

  /** Gives the block's end, with a mark where the message does not end as it should. */
  close(mark: string | undefined): string {
    this.#isOpen = false;
    const end = this.#lineEnd();
    return mark === undefined ? `${end}\n` : `${end}${this.#paint("dim", `[${mark}]`)}\n\n`;
  }

  /** Shows a content that is new from where it ends with `text`. */
  #growContent(text: string): string {
    const { content, status } = this.#message;
    // Nothing else of the content is looked at: that would take its length for each delta.
    const shown = this.#content.slice(content.length - text.length);
    // What a crash took back mostly comes again.
    if (status === "streaming" && shown.startsWith(text)) return "";
    this.#content = content;
    if (text.startsWith(shown)) return this.#text(text.slice(shown.length));
    const note = this.#paint("dim", "[the text has become]");
    return `${this.#lineEnd()}${note}\n${this.#text(content)}`;
  }

  #growParts(): string {
    const { parts } = this.#message;
    if (parts === this.#parts) return "";
    const lines = parts.map((part, index) => this.#shownLine(part, index) ?? toLine(part));
    const news = lines.filter((line, index) => line !== this.#partLines[index]);
    this.#parts = parts;
    this.#partLines = lines;
    if (news.length === 0) return "";
    return this.#lineEnd() + news.map((line) => `${this.#paint("dim", line)}\n`).join("");
  }

  #shownLine(part: Part, index: number): string | undefined {
    return part === this.#parts[index] ? this.#partLines[index] : undefined;
  }

  #text(text: string): string {
    if (text !== "") this.#atLineStart = text.endsWith("\n");
    return toVisible(text);
  }

  #lineEnd(): string {
    const end = this.#atLineStart ? "" : "\n";
    this.#atLineStart = true;
    return end;
  }
}

/** The end of a message's content that an event brings. */
function newText(event: MessageEvent): string {
  switch (event.type) {
    case "text_delta":
      return event.text;
    case "part_delta":
      return "";
    case "message_updated":
      return event.message.content;
  }
}

function toLine(part: Part): string {
  return toOneLine(partText(part), PART_LENGTH);
}

function partText(part: Part): string {
  switch (part.type) {
    case "tool_call":
      return `→ ${part.name} ${JSON.stringify(part.arguments) ?? ""}`;
    case "tool_result":
      return `← ${part.isError === true ? "failed: " : ""}${part.text}`;
    case "reasoning":
      return `… ${part.text}`;
    case "file": {
      const place = part.uri ?? `${part.data?.length ?? 0} bytes`;
      return ["file", part.name, part.mediaType, place].filter(Boolean).join(" ");
    }
    case "data":
      return `data ${JSON.stringify(part.data)}`;
  }
}
