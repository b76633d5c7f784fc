import fc from "fast-check";
import type { JsonObject, Message, Part } from "../../../server/src/domain/model.js";

/** Texts of all kinds: on both sides of where lengths take a byte more, and what is no Unicode. */
export const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 60 }),
  // Where a length takes one byte more, in characters and in UTF-8.
  fc.integer({ min: 40, max: 130 }).map((length) => "é".repeat(length)),
  fc.constantFrom("", "\ud800", "\ufeffa🦔", "x".repeat(127), "x".repeat(128), "€".repeat(6_000)),
);
/** Whole numbers that an int64 of the API may hold. */
export const int64 = fc.oneof(
  fc.nat(300),
  fc.maxSafeNat(),
  fc.constantFrom(127, 128, 2 ** 31, 2 ** 32, 2 ** 53 - 1),
);
/** Times that a Timestamp may hold. */
export const time = fc
  .integer({ min: -1_000_000, max: 4_102_444_800_000 })
  .map((ms) => new Date(ms));
/** A few bytes. */
export const data = fc.uint8Array({ maxLength: 9 });

const part: fc.Arbitrary<Part> = fc.oneof(
  fc.record({ type: fc.constant("tool_call"), id: text, name: text, argumentsJson: text } as const),
  fc.record({ type: fc.constant("data"), json: text } as const),
  fc.record({
    type: fc.constant("file"),
    uri: fc.constant(undefined),
    data,
    mediaType: text,
    name: text,
  } as const),
);

const metadata = fc.dictionary(
  fc.string(),
  fc.oneof(fc.boolean(), fc.constant(null), fc.integer(), fc.string(), fc.array(fc.nat())),
  { maxKeys: 3, noNullPrototype: true },
) as fc.Arbitrary<JsonObject>;

/** Messages with anything that their fields may hold. */
export const message: fc.Arbitrary<Message> = fc.record({
  id: text,
  sessionId: text,
  sequence: int64,
  role: fc.constantFrom("system", "user", "assistant", "tool"),
  content: text,
  parts: fc.oneof(fc.constant([]), fc.array(part, { maxLength: 3 })),
  metadata: fc.oneof(fc.constant({}), metadata),
  raw: fc.option(fc.record({ data, mediaType: text }), { nil: undefined }),
  pinned: fc.boolean(),
  tokenCount: fc.option(fc.nat(), { nil: undefined }),
  status: fc.constantFrom("complete", "streaming", "interrupted"),
  createdAt: time,
  updatedAt: time,
  version: int64,
  revision: int64,
  bytes: fc.nat(20_000),
});
