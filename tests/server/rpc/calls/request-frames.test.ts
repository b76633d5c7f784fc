import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type RequestFrame,
  RequestFrames,
} from "../../../../server/src/rpc/calls/request-frames.js";
import { toGrpcFrame } from "../../../support/bare-call.js";
import { collectGarbage } from "../../../support/collect-garbage.js";

const LIMIT = 1024 * 1024;

/** Gives the messages in what comes piece by piece. */
function split(pieces: readonly Buffer[], frames = new RequestFrames(LIMIT)): RequestFrame[] {
  const found: RequestFrame[] = [];
  for (const piece of pieces) {
    frames.add(piece);
    for (let frame = frames.next(); frame !== undefined; frame = frames.next()) found.push(frame);
  }
  return found;
}

/** Cuts bytes at places, which need not be in order. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = places.map((place) => place % (bytes.byteLength + 1)).sort((a, b) => a - b);
  return [...ends, bytes.byteLength].map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

describe("the messages of a request stream", () => {
  it("are the same however what brings them is cut", () => {
    const message = fc.oneof(
      fc.uint8Array({ maxLength: 20 }),
      // Longer than what is kept for a message at first.
      fc.integer({ min: 0, max: 200_000 }).map((length) => new Uint8Array(length).fill(length)),
    );
    const messages = fc.array(fc.tuple(fc.boolean(), message), { maxLength: 5 });
    const places = fc.array(fc.nat(), { maxLength: 20 });

    const property = fc.property(messages, places, (sent, places) => {
      const framed = sent.map(([isCompressed, message]) => {
        const frame = toGrpcFrame(message);
        frame[0] = isCompressed ? 1 : 0;
        return frame;
      });

      const found = split(cut(Buffer.concat(framed), places));

      expect(found.map(({ isCompressed }) => isCompressed)).toEqual(sent.map(([flag]) => flag));
      const isEqual = found.map(({ bytes }, index) => bytes.equals(sent[index]?.[1] ?? NOTHING));
      expect(isEqual).toEqual(sent.map(() => true));
    });
    fc.assert(property);
  });

  it("do not keep the memory of what came with them", () => {
    const piece = Buffer.concat([toGrpcFrame(Buffer.from("kept")), Buffer.alloc(60_000)]);

    const [first] = split([piece]);

    expect(first?.bytes.buffer).not.toBe(piece.buffer);
    piece.fill(0xff);
    expect(first?.bytes.toString()).toBe("kept");
  });

  it("do not keep the memory of what has been taken whole", () => {
    const held = Array.from({ length: 100 }, () => new RequestFrames(LIMIT));
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;

    for (const frames of held) split([toGrpcFrame(Buffer.alloc(60_000))], frames);

    collectGarbage();
    collectGarbage();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(LIMIT);
    expect(held.some((frames) => frames.isInMessage)).toBe(false);
  });

  it("take at most twice the memory of what has come of them", () => {
    const frames = new RequestFrames(64 * LIMIT);
    const begun = Buffer.alloc(5);
    begun.writeUInt32BE(64 * LIMIT, 1);
    const byte = Buffer.from([1]);
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;

    split([begun, ...Array.from({ length: 100_000 }, () => byte)], frames);

    collectGarbage();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(300_000);
    expect(frames.isInMessage).toBe(true);
  });

  it("are refused by their length alone where it is too large", () => {
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(LIMIT + 1, 1);

    expect(() => split([prefix])).toThrow(
      expect.objectContaining({
        code: "resource_exhausted",
        reason: "REQUEST_TOO_LARGE",
        metadata: { actual: String(LIMIT + 1), limit: String(LIMIT) },
      }),
    );
  });

  it("are refused where they are not framed as gRPC demands", () => {
    expect(() => split([Buffer.from([2, 0, 0, 0, 0])])).toThrow(
      expect.objectContaining({ code: "invalid_argument" }),
    );
  });

  it.each([0, 1, 4, 5, 6])("are known to be incomplete after %i bytes", (byteLength) => {
    const frames = new RequestFrames(LIMIT);

    split([toGrpcFrame(Buffer.from("xy")).subarray(0, byteLength)], frames);

    expect(frames.isInMessage).toBe(byteLength > 0);
  });
});

const NOTHING = Buffer.from("nothing was sent here");
