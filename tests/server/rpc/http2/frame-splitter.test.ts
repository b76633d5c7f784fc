import { constants } from "node:http2";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Frame, FrameSplitter } from "../../../../server/src/rpc/http2/frame-splitter.js";
import { frame } from "../../../support/raw-frames.js";

/** How large a frame may be. */
const MAX_BYTES = 16_384;

/** Gives the frames in what comes piece by piece, each as it is while it is handed over. */
function split(pieces: readonly Buffer[], splitter = new FrameSplitter()): Frame[] {
  const found: Frame[] = [];
  for (const piece of pieces) {
    splitter.split(Buffer.from(piece), (frame) => {
      found.push({ ...frame, payload: Buffer.from(frame.payload) });
      return true;
    });
  }
  return found;
}

/** Cuts bytes at places, which need not be in order. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = places.map((place) => place % (bytes.byteLength + 1)).sort((a, b) => a - b);
  return [...ends, bytes.byteLength].map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

function toBytes({ type, flags, streamId, payload }: Frame): Buffer {
  return frame(type, flags, streamId, payload);
}

const byte = fc.integer({ min: 0, max: 255 });
const payload = fc.oneof(
  fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  fc.integer({ min: 0, max: MAX_BYTES }).map((length) => Buffer.alloc(length, `${length} `)),
);
const frames = fc.array(
  fc.record({ type: byte, flags: byte, streamId: fc.nat({ max: 2 ** 31 - 1 }), payload }),
  { maxLength: 6 },
);

describe("the frames of a connection", () => {
  it("are the same however what brings them is cut", () => {
    const property = fc.property(frames, fc.array(fc.nat(), { maxLength: 20 }), (sent, places) => {
      const found = split(cut(Buffer.concat(sent.map(toBytes)), places));

      expect(found.map(toBytes).map(String)).toEqual(sent.map(toBytes).map(String));
      expect(Buffer.concat(found.map(toBytes)).equals(Buffer.concat(sent.map(toBytes)))).toBe(true);
    });
    fc.assert(property);
  });

  it("are the same when they come byte by byte", () => {
    const sent = [frame(0, 1, 3, Buffer.from("abc")), frame(4, 0, 0), frame(6, 0, 0, PING)];
    const bytes = [...Buffer.concat(sent)].map((value) => Buffer.from([value]));

    expect(split(bytes).map(toBytes)).toEqual(sent);
  });

  it("are of a stream whose number has 31 bits, whatever the one before them is", () => {
    const [found] = split([frame(0, 0, 0x80000007)]);

    expect(found?.streamId).toBe(7);
  });

  it.each([
    ["at once", [frame(0, 0, 1, Buffer.alloc(MAX_BYTES + 1)).subarray(0, 9)]],
    ["in parts", cut(frame(0, 0, 1, Buffer.alloc(MAX_BYTES + 1)).subarray(0, 9), [2, 5])],
  ])("are refused by their length alone where it is too large and comes %s", (_, pieces) => {
    expect(() => split(pieces)).toThrow(
      expect.objectContaining({ code: constants.NGHTTP2_FRAME_SIZE_ERROR }),
    );
  });

  it.each([
    ["at once", []],
    ["in parts", [4, 12]],
  ])("are not told of any more to who has had enough of those that come %s", (_, places) => {
    const sent = Buffer.concat([frame(0, 0, 1, PING), frame(0, 0, 3), frame(0, 0, 5)]);
    const told: number[] = [];
    const splitter = new FrameSplitter();

    for (const piece of cut(sent, places)) {
      splitter.split(piece, ({ streamId }) => {
        told.push(streamId);
        return false;
      });
      if (told.length > 0) break;
    }

    expect(told).toEqual([1]);
  });
});

const PING = Buffer.from("12345678");
