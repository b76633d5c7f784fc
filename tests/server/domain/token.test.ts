import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson } from "../../../server/src/domain/json.js";
import { decodeToken, encodeToken } from "../../../server/src/domain/token.js";

const BINDING = { list: "messages", sessionId: "s", roles: ["user"] };
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

describe("a token", () => {
  it("gives back its fields", () => {
    const field = fc.oneof(fc.string({ unit: "grapheme" }), fc.maxSafeNat());
    fc.assert(
      fc.property(fc.array(field, { maxLength: 5 }), (fields) => {
        const shape = fields.map((given) => (typeof given === "number" ? "number" : "string"));
        expect(decodeToken(BINDING, encodeToken(BINDING, fields), shape)).toEqual(fields);
      }),
    );
  });

  it("is of letters that a URL takes as they are", () => {
    const token = encodeToken(BINDING, ["??>>~~", Number.MAX_SAFE_INTEGER]);

    expect(token).toMatch(/^[\w-]+$/);
  });

  it("gives nothing with any one of its characters changed to any other", () => {
    const token = encodeToken(BINDING, [42, "key"]);

    for (const [index, present] of Array.from(token).entries()) {
      for (const other of ALPHABET.replace(present, "")) {
        const edited = token.slice(0, index) + other + token.slice(index + 1);
        expect(decodeToken(BINDING, edited, ["number", "string"]), edited).toBeUndefined();
      }
    }
  });

  it("gives nothing where its checksum is right and the rest is no JSON", () => {
    const payload = Buffer.from("[1,2");
    const checksum = createHash("sha256")
      .update(`1${canonicalJson(BINDING)}`)
      .update(payload);
    const forged = Buffer.concat([Buffer.of(1), checksum.digest().subarray(0, 8), payload]);

    expect(decodeToken(BINDING, forged.toString("base64url"), ["number"])).toBeUndefined();
  });

  it("gives nothing shortened, lengthened or in another encoding", () => {
    const token = encodeToken(BINDING, [42]);

    const edited = [
      "",
      token.slice(1),
      token.slice(0, -1),
      `${token}A`,
      `${token}=`,
      ` ${token}`,
      `${token}\n`,
      `${token.slice(0, 5)}!${token.slice(5)}`,
    ];

    for (const other of edited)
      expect(decodeToken(BINDING, other, ["number"]), other).toBeUndefined();
  });

  it.each([
    {},
    { ...BINDING, sessionId: "S" },
    { ...BINDING, roles: [] },
    { ...BINDING, more: "" },
    { list: "messages" },
  ])("gives nothing to what it was not made for: %j", (binding) => {
    expect(decodeToken(binding, encodeToken(BINDING, [1]), ["number"])).toBeUndefined();
  });

  it.each([[[]], [["1"]], [[1, 2]], [[1.5]], [[-1]]])(
    "gives nothing where its fields are not what they are to be: %j",
    (fields) => {
      expect(decodeToken(BINDING, encodeToken(BINDING, fields), ["number"])).toBeUndefined();
    },
  );

  it("is the same for a binding with its keys in another order", () => {
    const { list, sessionId, roles } = BINDING;

    expect(encodeToken({ roles, sessionId, list }, [1])).toBe(encodeToken(BINDING, [1]));
  });
});
