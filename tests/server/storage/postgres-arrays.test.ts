import { expect, it } from "vitest";
import { toArrays } from "../../../server/src/storage/postgres-arrays.js";

it("gives the columns of rows as PostgreSQL reads arrays", () => {
  const time = new Date("2026-11-30T12:34:56.789Z");
  const rows = [
    ["a", 1, true, time, Buffer.from([0, 0x5c, 0xff])],
    ['"b\\', -2.5, false, null, Buffer.alloc(0)],
  ];

  expect(toArrays(5, rows)).toEqual([
    '{"a","\\"b\\\\"}',
    "{1,-2.5}",
    "{true,false}",
    '{"2026-11-30T12:34:56.789Z",NULL}',
    '{"\\\\x005cff","\\\\x"}',
  ]);
});

it.each([
  ["nothing", undefined],
  ["bytes that are no Buffer", new Uint8Array(3)],
  ["a bigint", 1n],
])("refuses %s, of which it would make something else", (_, value) => {
  expect(() => toArrays(1, [[value]])).toThrow("not put into arrays");
});
