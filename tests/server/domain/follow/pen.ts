import { expect } from "vitest";
import type { Message } from "../../../../server/src/domain/model.js";
import type { WriteRef } from "../../../../server/src/domain/write-storage.js";
import { endOf, LONG_LEASE_MS, startWrite } from "../../../storage/contract/samples.js";
import type { FrameReader } from "./frame-reader.js";
import type { LiveServer, LiveSession } from "./live-session.js";

/** Writes one message on a server, as the writer of its stream does. */
export class Pen {
  readonly ref: WriteRef;
  readonly #server: LiveServer;
  #offset: number;
  #text = "";

  constructor(server: LiveServer, ref: WriteRef, offset: number) {
    this.#server = server;
    this.ref = ref;
    this.#offset = offset;
  }

  /** Shows text that is not durable yet. */
  write(text: string): void {
    const { messageId, sequence, epoch, sessionId } = this.ref;
    const delta = { messageId, sequence, epoch, offset: this.#offset, partIndex: 0, parts: [] };
    this.#server.feeds.written(sessionId, { ...delta, text });
    this.#offset += Buffer.byteLength(text);
    this.#text += text;
  }

  /** Makes the text durable, and says so. */
  async checkpoint(): Promise<void> {
    const written = { text: this.#text, parts: [] };
    this.#text = "";
    const offset = this.#offset;
    const { writes } = this.#server.storage;
    const revision = await writes.checkpoint(this.ref, written, LONG_LEASE_MS);
    const { sequence, sessionId } = this.ref;
    this.#server.feeds.checkpointed(sessionId, { revision, sequence, offset, partCount: 0 });
  }

  /** Ends the message with what is not durable yet. */
  async finish(): Promise<void> {
    await this.#server.storage.writes.finish(this.ref, endOf({ text: this.#text }));
  }
}

/** Begins to write a message. */
export async function begin(
  server: LiveServer,
  session: LiveSession,
  message: Parameters<typeof startWrite>[2] = {},
): Promise<{ readonly pen: Pen; readonly write: Parameters<typeof startWrite>[2] }> {
  const { ref, started, write } = await startWrite(server.storage, session, message);
  return { pen: new Pen(server, ref, Buffer.byteLength(started.message.content)), write };
}

/** Applies frames as a client does, and gives the text of a message. */
export function textIn(frames: FrameReader["frames"], sequence = 1): string {
  let bytes = Buffer.of();
  const take = (message: Message) => {
    if (message.sequence === sequence) bytes = Buffer.from(message.content);
  };
  for (const frame of frames) {
    if (frame.type === "messages") frame.messages.forEach(take);
    if (frame.type === "change" && frame.change.type === "message_updated") {
      take(frame.change.message);
    }
    if (frame.type !== "delta" || frame.delta.type !== "text") continue;
    if (frame.delta.sequence !== sequence) continue;
    expect(frame.delta.offset).toBeLessThanOrEqual(bytes.length);
    bytes = Buffer.concat([bytes.subarray(0, frame.delta.offset), Buffer.from(frame.delta.text)]);
  }
  return bytes.toString();
}

/** Reads until a message has this text. */
export async function untilText(reader: FrameReader, text: string): Promise<void> {
  while (textIn(reader.frames) !== text) await reader.next();
}
