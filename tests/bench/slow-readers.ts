import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import { create } from "@bufbuild/protobuf";
import { StreamMessagesRequestSchema } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { FrameCutter, openBareStream, openConnection } from "./bare-stream.js";
import { type Work, workOff } from "./work-off.js";

const OPENING_AT_ONCE = 10;

/** More than HTTP/2's window of 64 KiB holds, and less than any history here. */
const MOST_BYTES_READ = 1_024 * 1_024;

/** Which histories are read slowly. */
export interface SlowReadersOptions {
  /** The readers take them in turn. */
  readonly sessionIds: readonly string[];
  readonly readers: number;
}

interface Reader {
  readonly connection: ClientHttp2Session;
  readonly stream: ClientHttp2Stream;
}

/**
 * Readers that read a frame of a history, and then stand still.
 *
 * Each has a connection of its own with HTTP/2's small windows, so that what it does not
 * read stays with the server.
 */
export class SlowReaders {
  readonly #readers: Reader[] = [];

  /** Opens all of them, and returns when every one has its frame. */
  static async open(
    address: string,
    { sessionIds, readers }: SlowReadersOptions,
  ): Promise<SlowReaders> {
    const opened = new SlowReaders();
    const work: Work = { count: readers, atOnce: OPENING_AT_ONCE };
    try {
      await workOff(work, (index) =>
        opened.#open(address, sessionIds[index % sessionIds.length] ?? ""),
      );
    } catch (error) {
      opened.close();
      throw error;
    }
    return opened;
  }

  /**
   * Checks that all of them still stand where they stood.
   *
   * @throws Error if one was ended by the server, or has read on.
   */
  check(): void {
    for (const { connection, stream } of this.#readers) {
      if (stream.closed || stream.destroyed) throw new Error("a slow reader was ended");
      const { bytesRead } = connection.socket;
      if (bytesRead > MOST_BYTES_READ) {
        throw new Error(`a slow reader has read ${bytesRead} bytes`);
      }
    }
  }

  /** Ends all of them. */
  close(): void {
    for (const { connection } of this.#readers) connection.destroy();
  }

  async #open(address: string, sessionId: string): Promise<void> {
    const connection = await openConnection(address);
    const stream = openBareStream(connection, create(StreamMessagesRequestSchema, { sessionId }));
    this.#readers.push({ connection, stream });
    await readFrame(stream);
  }
}

/** Waits for the first frame, and reads no more. */
function readFrame(stream: ClientHttp2Stream): Promise<void> {
  const cutter = new FrameCutter();
  return new Promise((resolve, reject) => {
    const onData = (chunk: Buffer) => {
      if (cutter.cut(chunk).next().done) return;
      stream.pause();
      stream.off("data", onData);
      resolve();
    };
    stream.on("data", onData);
    stream.on("error", reject);
    stream.on("close", () => reject(new Error("a slow reader's stream has ended")));
  });
}
