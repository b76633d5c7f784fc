import { beforeEach, expect, it, onTestFinished, vi } from "vitest";
import { Ring } from "../../../../server/src/domain/follow/ring.js";
import type { SessionFrame } from "../../../../server/src/domain/session-frame.js";

const POSITION = { sequence: 1, revision: 1 };

function delta(sequence: number, text = "x"): SessionFrame {
  const common = { messageId: "m", sequence, offset: 0 } as const;
  return { type: "delta", resumeToken: "", delta: { ...common, type: "text", text } };
}

function push(ring: Ring, ...frames: readonly SessionFrame[]): void {
  for (const frame of frames) ring.push(frame, POSITION);
}

beforeEach(() => {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
});

it("holds the newest 256 frames under indexes that rise", () => {
  const ring = new Ring();

  push(ring, ...Array.from({ length: 300 }, (_, index) => delta(index)));
  vi.advanceTimersByTime(100);

  expect([ring.first, ring.next]).toEqual([44, 300]);
  expect(ring.at(43)).toBeUndefined();
  expect(ring.at(44)?.frame).toMatchObject({ delta: { sequence: 44 } });
  expect(ring.at(299)?.frame).toMatchObject({ delta: { sequence: 299 } });
  expect(ring.at(300)).toBeUndefined();
});

it("holds 256 KiB at the most", () => {
  const ring = new Ring();

  push(ring, ...Array.from({ length: 10 }, (_, index) => delta(index, "é".repeat(25_000))));
  vi.advanceTimersByTime(100);

  expect([ring.first, ring.next]).toEqual([5, 10]);
});

it("holds a frame that is larger than it for a moment only", () => {
  const ring = new Ring();

  push(ring, delta(1), delta(2, "x".repeat(5_000_000)));
  expect([ring.first, ring.next]).toEqual([1, 2]);
  vi.advanceTimersByTime(100);
  expect([ring.first, ring.next]).toEqual([2, 2]);

  push(ring, delta(3));
  expect([ring.first, ring.next]).toEqual([2, 3]);
});

it("holds 4 MiB and its newest frame at the most, also for a moment", () => {
  const ring = new Ring();

  push(ring, ...Array.from({ length: 10 }, (_, index) => delta(index, "x".repeat(1_000_000))));

  expect([ring.first, ring.next]).toEqual([6, 10]);
});

it("forgets the deltas of one message, and what they weighed", () => {
  const ring = new Ring();
  const large = "x".repeat(100_000);
  push(ring, delta(1, large), delta(2), delta(1, large));

  ring.dropDeltas(1);
  push(ring, delta(3, large), delta(4, large));
  vi.advanceTimersByTime(100);

  expect(ring.first).toBe(0);
  const held = [0, 1, 2, 3, 4].map((index) => ring.at(index)?.frame);
  expect(held.map((frame) => frame?.type)).toEqual([
    undefined,
    "delta",
    undefined,
    "delta",
    "delta",
  ]);
});
