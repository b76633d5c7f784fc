import { expect, it } from "vitest";
import { toJsonLine } from "../../../server/src/command/json-line.js";

it("writes dates as ISO 8601, bytes as base64, and escapes all control characters", () => {
  const value = {
    at: new Date("2026-01-02T03:04:05.678Z"),
    bytes: [new Uint8Array([0, 255]), Buffer.from("hi")],
    text: "\u001b\u009b\u007f\n😀",
    absent: undefined,
  };

  const line = toJsonLine(value);

  expect(line).toBe(
    '{"at":"2026-01-02T03:04:05.678Z","bytes":["AP8=","aGk="],"text":"\\u001b\\u009b\\u007f\\n😀"}\n',
  );
  expect(JSON.parse(line).text).toBe(value.text);
});
