import { type IncomingHttpHeaders, type OutgoingHttpHeaders, sensitiveHeaders } from "node:http2";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeHeaders } from "../../../../server/src/rpc/http2/hpack/header-encoder.js";
import { STATIC_TABLE } from "../../../../server/src/rpc/http2/hpack/static-table.js";
import { MAX_FRAME_BYTES, newDecoder } from "./block-samples.js";
import { openHeaderExchange } from "./header-exchange.js";

const EMPTY_ANSWER = encodeHeaders([[":status", "200"]]);

const NO_REQUEST_HAS = ["te", "connection", "transfer-encoding", "upgrade", "host"];

/** Names of the static table and others, that Node lets a client send, and an answer have. */
const NAMES = [
  ...STATIC_TABLE.map(({ name }) => name).filter(
    (name) => !name.startsWith(":") && name !== "content-length" && !NO_REQUEST_HAS.includes(name),
  ),
  "grpc-timeout",
  "x-a",
  "x-b",
  "x-request-id",
  "x-trace-bin",
];

const visible = fc.string({
  unit: fc
    .oneof(
      fc.integer({ min: 0x21, max: 0x7e }),
      fc.integer({ min: 0x21, max: 0x7e }),
      fc.integer({ min: 0x80, max: 0xff }),
    )
    .map((unit) => String.fromCharCode(unit)),
  maxLength: 40,
});

const value = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom("", "1", "trailers", "gzip, deflate", "30000m") },
  { weight: 5, arbitrary: visible },
  // As long as a table or longer.
  {
    weight: 1,
    arbitrary: fc.integer({ min: 100, max: 5_000 }).map((length) => "v".repeat(length)),
  },
);

const regularFields = fc.dictionary(fc.constantFrom(...NAMES), value, { maxKeys: 8 });

describe("Node's own client", () => {
  const pseudo = fc.record({
    ":method": fc.constantFrom("GET", "POST", "PUT"),
    ":path": fc.oneof(
      fc.constantFrom("/", "/index.html", "/mofa.state.v1.Sessions/Get"),
      visible.map((path) => `/${encodeURI(path)}`),
    ),
    ":scheme": fc.constantFrom("http", "https"),
    ":authority": fc.constantFrom("a.example", "127.0.0.1:50051", "b.example:1"),
  });
  const several = fc.array(visible, { minLength: 2, maxLength: 4 });

  it.each([4096, 256, 100, 0])(
    "is understood, whatever it sends on one connection, with a table of %i bytes",
    { timeout: 120_000 },
    async (tableBytes) => {
      const exchange = await openHeaderExchange(tableBytes);
      const decoder = newDecoder();
      const sensitive = fc.subarray(NAMES);

      const property = fc.asyncProperty(
        pseudo,
        regularFields,
        several,
        sensitive,
        async (pseudo, regular, several, sensitive) => {
          const request: OutgoingHttpHeaders = {
            ...pseudo,
            ...regular,
            "x-several": several,
            cookie: several,
            te: "trailers",
            [sensitiveHeaders]: sensitive,
          };

          const { block } = await exchange.send(request, EMPTY_ANSWER);
          const { fields, isMalformed, isTooLarge } = decoder.decode(block);

          expect({ ...fields }).toEqual({
            ...pseudo,
            ...regular,
            "x-several": several.join(", "),
            cookie: several.join("; "),
            te: "trailers",
          });
          expect([isMalformed, isTooLarge]).toEqual([false, false]);
        },
      );
      await fc.assert(property, { numRuns: 300 });
    },
  );

  it("understands what it is answered", { timeout: 120_000 }, async () => {
    const exchange = await openHeaderExchange(4096);
    const statuses = fc.constantFrom("200", "204", "206", "304", "400", "404", "500", "201");

    const property = fc.asyncProperty(statuses, regularFields, async (status, regular) => {
      const { "set-cookie": cookie, ...others } = regular;
      const answer = encodeHeaders([[":status", status], ...Object.entries(regular)]);
      fc.pre(answer.length <= MAX_FRAME_BYTES);

      const { answered } = await exchange.send({}, answer);

      const told = cookie === undefined ? others : { ...others, "set-cookie": [cookie] };
      expect(stringKeyed(answered)).toEqual({ ...told, ":status": Number(status) });
    });
    await fc.assert(property, { numRuns: 300 });
  });

  it("is sent the statuses that the table has as one byte each", async () => {
    const exchange = await openHeaderExchange(4096);
    for (const status of [200, 204, 206, 304, 400, 404, 500]) {
      const answer = encodeHeaders([[":status", String(status)]]);

      const { answered } = await exchange.send({}, answer);

      expect(answer).toHaveLength(1);
      expect(answered[":status"]).toBe(status);
    }
  });
});

/** Leaves out what Node says of them beside. */
function stringKeyed(headers: IncomingHttpHeaders): unknown {
  return Object.fromEntries(Object.entries(headers));
}
