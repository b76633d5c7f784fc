import type { MessageStatus, Part, Role } from "@mofa-state/client";
import { type Paint, type Style, toOneLine, toVisible } from "./terminal-text.js";

const ROLE_STYLES: Readonly<Record<Role, Style>> = {
  system: "magenta",
  user: "cyan",
  assistant: "green",
  tool: "yellow",
};

/** How much of a part its line shows, in characters. */
const PART_LENGTH = 200;

/** What of a message a block shows. */
export interface ShownMessage {
  readonly sequence: number;
  readonly role: Role;
  readonly status: MessageStatus;
  readonly content: string;
  readonly parts: readonly Part[];
}

/** The block of one message in a terminal, which can grow at its end only. */
export class MessageBlock {
  readonly message: ShownMessage;
  readonly #paint: Paint;
  #content = "";
  #parts: readonly Part[] = [];
  #partLines: readonly string[] = [];
  #atLineStart = true;

  constructor(message: ShownMessage, paint: Paint) {
    this.message = message;
    this.#paint = paint;
  }

  /** Gives the block's first line. */
  open(): string {
    const { role, sequence } = this.message;
    const head = this.#paint("bold", this.#paint(ROLE_STYLES[role], role));
    return `${head} ${this.#paint("dim", `#${sequence}`)}\n`;
  }

  /** Gives what the message has and the block does not show yet. */
  grow(): string {
    return this.#growContent() + this.#growParts();
  }

  /** Gives the rest, with a mark where the message did not end as it should. */
  close(mark: string | undefined): string {
    const rest = this.grow() + this.#lineEnd();
    return mark === undefined ? `${rest}\n` : `${rest}${this.#paint("dim", `[${mark}]`)}\n\n`;
  }

  #growContent(): string {
    const { content, status } = this.message;
    const shown = this.#content;
    if (content.startsWith(shown)) {
      this.#content = content;
      return this.#text(content.slice(shown.length));
    }
    // What a crash took back mostly comes again.
    if (status === "streaming" && shown.startsWith(content)) return "";
    this.#content = content;
    const note = this.#paint("dim", "[the text has become]");
    return `${this.#lineEnd()}${note}\n${this.#text(content)}`;
  }

  #growParts(): string {
    const { parts } = this.message;
    if (parts === this.#parts) return "";
    const lines = parts.map((part) => toOneLine(partText(part), PART_LENGTH));
    const news = lines.filter((line, index) => line !== this.#partLines[index]);
    this.#parts = parts;
    this.#partLines = lines;
    if (news.length === 0) return "";
    return this.#lineEnd() + news.map((line) => `${this.#paint("dim", line)}\n`).join("");
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
