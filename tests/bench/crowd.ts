import type { ClientHttp2Session } from "node:http2";
import { create, fromBinary } from "@bufbuild/protobuf";
import {
  StreamMessagesRequestSchema,
  type StreamMessagesResponse,
  StreamMessagesResponseSchema,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { FrameCutter, openBareStream, openConnection } from "./bare-stream.js";

/** Who follows what. */
export interface CrowdOptions {
  /** What is followed; the followers are spread over it evenly. */
  readonly sessionIds: readonly string[];
  readonly followers: number;
  /** How many connections they share. A server may allow 1,000 streams on each. */
  readonly connections: number;
  /** Called for each message that a follower gets, with the time of its arrival. */
  readonly onMessage?: (sequence: number, arrivedAt: number) => void;
}

const OPENING_AT_ONCE = 200;

/** Many followers, which cost the load generator as little as can be. */
export class Crowd {
  readonly #connections: readonly ClientHttp2Session[];
  readonly #onMessage: CrowdOptions["onMessage"];
  #lastBytes: Buffer = Buffer.alloc(0);
  #lastFrame: StreamMessagesResponse["frame"] = { case: undefined };
  #isClosed = false;

  private constructor(connections: readonly ClientHttp2Session[], options: CrowdOptions) {
    this.#connections = connections;
    this.#onMessage = options.onMessage;
  }

  /** Opens all followers, and returns when every one has caught up. */
  static async open(address: string, options: CrowdOptions): Promise<Crowd> {
    const { sessionIds, followers } = options;
    const opening = Array.from({ length: options.connections }, () => openConnection(address));
    const crowd = new Crowd(await Promise.all(opening), options);
    try {
      for (let from = 0; from < followers; from += OPENING_AT_ONCE) {
        const length = Math.min(OPENING_AT_ONCE, followers - from);
        const caughtUp = Array.from({ length }, (_, index) =>
          crowd.#follow(from + index, sessionIds[(from + index) % sessionIds.length] ?? ""),
        );
        await Promise.all(caughtUp);
      }
    } catch (error) {
      crowd.close();
      throw error;
    }
    return crowd;
  }

  /** Ends all of them. */
  close(): void {
    this.#isClosed = true;
    for (const connection of this.#connections) connection.destroy();
  }

  #follow(index: number, sessionId: string): Promise<void> {
    const connection = this.#connections[index % this.#connections.length];
    if (connection === undefined) throw new Error("a crowd has one connection at least");
    const request = create(StreamMessagesRequestSchema, {
      sessionId,
      start: { case: "lastMessages", value: 0 },
      follow: true,
    });
    const cutter = new FrameCutter();
    return new Promise((resolve, reject) => {
      openBareStream(connection, request)
        .on("data", (chunk: Buffer) => {
          const arrivedAt = performance.now();
          for (const bytes of cutter.cut(chunk)) this.#receive(bytes, arrivedAt, resolve);
        })
        .on("error", (error) => this.#isClosed || reject(error))
        .on("close", () => {
          if (!this.#isClosed) reject(new Error("a follower's stream has ended"));
        });
    });
  }

  #receive(bytes: Buffer, arrivedAt: number, onCaughtUp: () => void): void {
    const frame = this.#decode(bytes);
    if (frame.case === "caughtUp") onCaughtUp();
    if (frame.case !== "messages") return;
    for (const { sequence } of frame.value.messages) this.#onMessage?.(Number(sequence), arrivedAt);
  }

  /** Decodes a frame, unless it is the same as the last one, as it is for most followers. */
  #decode(bytes: Buffer): StreamMessagesResponse["frame"] {
    if (!bytes.equals(this.#lastBytes)) {
      // A copy, since a part would keep all that came with it.
      this.#lastBytes = Buffer.from(bytes);
      this.#lastFrame = fromBinary(StreamMessagesResponseSchema, bytes).frame;
    }
    return this.#lastFrame;
  }
}
