import { constants } from "node:http2";
import { describe, expect, it } from "vitest";
import type { MessagePieces } from "../../../../server/src/rpc/calls/reply-frame.js";
import { toGrpcFrame } from "../../../support/bare-call.js";
import {
  initialWindow,
  settings,
  Type,
  wholeCall,
  windowUpdate,
} from "../../../support/raw-frames.js";
import { connectRaw, type RawHttp2 } from "../../../support/raw-http2.js";
import { STREAM, start } from "../message-calls.js";

const OK = "0";

/** How much may be sent on a stream, and on a connection, at first. */
const WINDOW_BYTES = 65_535;
const WIDE = 2 ** 24;
const MUCH = 4 * 1024 * 1024;
const REPLY_BYTES = 30_000;
const WAITING_STREAMS = 900;
const WINDOW_UPDATES = 10_000;

function toReply(seed: number, byteLength: number): Buffer {
  return Buffer.from(Array.from({ length: byteLength }, (_, index) => (index * seed) % 251));
}

/** Cuts a reply into pieces, with its head in memory that the next reply overwrites. */
function inPieces(reply: Buffer, headBytes: number, shared: Buffer): () => MessagePieces {
  return () => {
    const head = shared.subarray(0, headBytes);
    head.set(reply.subarray(0, headBytes));
    const middle = headBytes + Math.ceil((reply.byteLength - headBytes) / 3);
    const body = [reply.subarray(headBytes, middle), reply.subarray(middle)];
    return { head, body, byteLength: reply.byteLength };
  };
}

/** Starts a server that answers with replies, and gives what they are on their way. */
async function startReplying(...replies: Buffer[]) {
  const { address } = await start({
    async *streamMessages() {
      yield* replies;
    },
  });
  return { address, expected: Buffer.concat(replies.map(toGrpcFrame)) };
}

/** The same of replies in pieces, with heads of some lengths. */
async function startReplyingInPieces(...replies: (readonly [reply: Buffer, headBytes: number])[]) {
  const shared = Buffer.alloc(Math.max(...replies.map(([, headBytes]) => headBytes)));
  const { address } = await start({
    async *streamMessages() {
      yield* replies.map(([reply, headBytes]) => inPieces(reply, headBytes, shared));
    },
  });
  return { address, expected: Buffer.concat(replies.map(([reply]) => toGrpcFrame(reply))) };
}

/** Starts a server whose replies have no end. */
function startEndless() {
  return start({
    async *streamMessages() {
      for (;;) yield new Uint8Array(8 * 1024);
    },
  });
}

function receivedBytes(client: RawHttp2, streamIds: readonly number[]): number {
  return streamIds.reduce((sum, id) => sum + client.byteLengthOf(id), 0);
}

/** Waits for so many bytes on streams, and for what would come behind them. */
async function expectBytes(client: RawHttp2, byteLength: number, ...streamIds: number[]) {
  await client.until(() => receivedBytes(client, streamIds) >= byteLength || undefined);
  // Answers go on when what they have sent has left: later than a PING is answered.
  for (let round = 0; round < 5; round += 1) await client.pinged();
  expect(receivedBytes(client, streamIds)).toBe(byteLength);
}

describe("what the server sends on a stream", () => {
  it("is as much as its window allows, and in order, while that becomes wider", async () => {
    const { address, expected } = await startReplying(
      toReply(1, REPLY_BYTES),
      Buffer.alloc(0),
      toReply(3, REPLY_BYTES / 2),
    );
    const client = await connectRaw(address, initialWindow(0));
    client.send(wholeCall(1, STREAM));
    await expectBytes(client, 0, 1);

    let allowed = 0;
    for (const bytes of [1, 4, 1, 993, 16_384, 16_385, 1, 1_000, REPLY_BYTES]) {
      client.send(windowUpdate(1, bytes));
      allowed += bytes;
      await expectBytes(client, Math.min(allowed, expected.byteLength), 1);
    }

    expect((await client.ending(1))["grpc-status"]).toBe(OK);
    expect(client.bytesOf(1).equals(expected)).toBe(true);
  });

  it("is as much as its window allows where replies come in pieces, wherever they are cut", async () => {
    const { address, expected } = await startReplyingInPieces(
      [toReply(1, REPLY_BYTES), 10],
      [toReply(3, 100), 0],
      [toReply(5, REPLY_BYTES), 20_000],
      [toReply(7, 7), 6],
    );
    const client = await connectRaw(address, initialWindow(0));
    client.send(wholeCall(1, STREAM));

    let allowed = 0;
    // One byte, then the rest of the first head, its end with the piece behind it, …
    for (const bytes of [1, 14, 9_996, 1, 3_000, 16_384, 1, 650, 5, 98, 16_385, 1, 4_000, WIDE]) {
      client.send(windowUpdate(1, bytes));
      allowed += bytes;
      await expectBytes(client, Math.min(allowed, expected.byteLength), 1);
    }

    expect((await client.ending(1))["grpc-status"]).toBe(OK);
    expect(client.bytesOf(1).equals(expected)).toBe(true);
  });

  it("is as much as the window of the connection allows, while that becomes wider", async () => {
    const { address, expected } = await startReplying(toReply(1, 3 * WINDOW_BYTES));
    const client = await connectRaw(address, initialWindow(WIDE));
    client.send(wholeCall(1, STREAM));

    let allowed = WINDOW_BYTES;
    for (const bytes of [1, 50_000, 16_384, WIDE]) {
      await expectBytes(client, allowed, 1);
      client.send(windowUpdate(0, bytes));
      allowed += bytes;
    }

    expect((await client.ending(1))["grpc-status"]).toBe(OK);
    expect(client.bytesOf(1).equals(expected)).toBe(true);
  });

  it("waits while settings have made its window less than nothing", async () => {
    const { address, expected } = await startReplying(toReply(1, 2 * WINDOW_BYTES));
    const client = await connectRaw(address);
    client.send(windowUpdate(0, WIDE), wholeCall(1, STREAM));
    await expectBytes(client, WINDOW_BYTES, 1);

    client.send(initialWindow(1_000), windowUpdate(1, WINDOW_BYTES - 1_000));
    await expectBytes(client, WINDOW_BYTES, 1);
    client.send(windowUpdate(1, 10));
    await expectBytes(client, WINDOW_BYTES + 10, 1);
    client.send(initialWindow(1_020));
    await expectBytes(client, WINDOW_BYTES + 30, 1);
    client.send(initialWindow(WIDE));

    expect((await client.ending(1))["grpc-status"]).toBe(OK);
    expect(client.bytesOf(1).equals(expected)).toBe(true);
  });

  it("begins with the window that the last settings gave", async () => {
    const { address } = await startReplying(toReply(1, REPLY_BYTES));
    const client = await connectRaw(address, initialWindow(7));

    client.send(initialWindow(9), wholeCall(1, STREAM));
    await expectBytes(client, 9, 1);
    client.send(initialWindow(8), wholeCall(3, STREAM));

    await expectBytes(client, 8, 3);
    expect(client.byteLengthOf(1)).toBe(9);
  });

  it("does not wait for a stream that has no room", async () => {
    const { address } = await startReplying(toReply(1, 1_000));
    const client = await connectRaw(address, initialWindow(0));
    client.send(wholeCall(1, STREAM), wholeCall(3, STREAM));
    await client.pinged();

    client.send(windowUpdate(3, REPLY_BYTES));

    expect((await client.ending(3))["grpc-status"]).toBe(OK);
    expect(client.byteLengthOf(1)).toBe(0);
  });

  it("is in frames as large as the client takes, and no larger than 64 KiB", async () => {
    const { address, expected } = await startReplying(toReply(1, 200_000));
    const client = await connectRaw(address, initialWindow(WIDE));
    client.send(windowUpdate(0, WIDE));
    const frameBytes: [asked: number, sent: number][] = [
      [16_384, 16_384],
      [20_000, 20_000],
      [2 ** 24 - 1, 64 * 1024],
    ];

    for (const [index, [asked, sent]] of frameBytes.entries()) {
      const streamId = 1 + 2 * index;
      client.send(settings([constants.NGHTTP2_SETTINGS_MAX_FRAME_SIZE, asked]));
      expect(await client.call(streamId, STREAM)).toBe(OK);
      const sizes = client.framesOf(Type.DATA, streamId).map(({ payload }) => payload.byteLength);
      expect(Math.max(...sizes)).toBe(sent);
      expect(client.bytesOf(streamId).equals(expected)).toBe(true);
    }
  });
});

describe("streams that have much to send", () => {
  it("share the window of their connection", async () => {
    const { address } = await startEndless();
    const client = await connectRaw(address, initialWindow(WIDE));
    client.send(wholeCall(1, STREAM), wholeCall(3, STREAM), wholeCall(5, STREAM));
    await expectBytes(client, WINDOW_BYTES, 1, 3, 5);

    const rounds = 60;
    const roundBytes = 10_000;
    for (let round = 1; round <= rounds; round += 1) {
      client.send(windowUpdate(0, roundBytes));
      await expectBytes(client, WINDOW_BYTES + round * roundBytes, 1, 3, 5);
    }

    const fairShare = (rounds * roundBytes) / 3;
    for (const streamId of [1, 3, 5]) {
      expect(client.byteLengthOf(streamId)).toBeGreaterThan(fairShare / 2);
    }
  });

  it("share a connection whose client has room for all that can be read", async () => {
    const { address } = await startEndless();
    const client = await connectRaw(address, initialWindow(WIDE));
    client.send(windowUpdate(0, WIDE), wholeCall(1, STREAM), wholeCall(3, STREAM));

    await client.until(() => receivedBytes(client, [1, 3]) >= MUCH || undefined);

    for (const streamId of [1, 3]) {
      expect(client.byteLengthOf(streamId)).toBeGreaterThan(MUCH / 4);
    }
  });

  it("cost nothing when the connection's window changes, as long as they wait for their own", async () => {
    const { address } = await startEndless();
    const idle = await connectRaw(address);
    const busy = await connectRaw(address, initialWindow(0));
    const ids = Array.from({ length: WAITING_STREAMS }, (_, index) => 1 + 2 * index);
    busy.send(...ids.map((id) => wholeCall(id, STREAM)));
    await busy.until(() => busy.framesOf(Type.HEADERS, ids.at(-1) ?? 0)[0]);
    await busy.pinged();

    const idleMs = await widenByLittle(idle);
    const busyMs = await widenByLittle(busy);

    // Where each of them was looked at each time, it was more than a hundred times as long.
    expect(busyMs).toBeLessThan(20 * Math.max(idleMs, 20));
  });
});

/** Makes the window of a connection wider very often, and gives how many milliseconds that takes. */
async function widenByLittle(client: RawHttp2): Promise<number> {
  const updates = Buffer.concat(Array<Buffer>(WINDOW_UPDATES).fill(windowUpdate(0, 1)));
  const startedAt = performance.now();
  client.send(updates);
  await client.pinged();
  return performance.now() - startedAt;
}
