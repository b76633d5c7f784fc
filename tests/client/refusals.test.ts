import { type NewMessage, type Session, StateError } from "@mofa-state/client";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { connectToScript, openScripted } from "./scripted-server.js";

describe("a call", () => {
  it.each<[string, NewMessage, string]>([
    ["half of a surrogate pair", { role: "user", content: "\ud83d" }, "messages[0].content"],
    ["it in a part", part("\udc00"), "messages[0].parts[0].reasoning.text"],
    [
      "text that is no string",
      { role: "user", content: 5 as unknown as string },
      "messages[0].content",
    ],
  ])("with %s is refused before it is sent", async (_, message, field) => {
    const scripted = await openScripted({});

    await expect(scripted.append(message)).rejects.toMatchObject({
      code: "invalid_argument",
      violations: [{ field }],
    });
  });

  it("with a number that does not fit is refused before it is sent", async () => {
    const scripted = await openScripted({});

    const calls = [
      scripted.append({ role: "user", tokenCount: 2 ** 31 }),
      scripted.append({ role: "user" }, { expectedHeadSequence: 0.5 }),
      scripted.getMessage("m", { timeoutMs: 0 }),
    ];

    for (const call of calls) {
      await expect(call).rejects.toMatchObject({ code: "invalid_argument" });
    }
  });

  it.each<[string, (scripted: Session, junk: never) => Promise<unknown>, string]>([
    ["messages", (scripted, junk) => scripted.append(junk), "messages[0]"],
    ["one of its messages", (scripted, junk) => scripted.append([junk]), "messages[0]"],
    [
      "a state",
      (scripted, junk) => scripted.append([], { agentStates: [junk] }),
      "agent_states[0]",
    ],
    [
      "a part",
      (scripted, junk) => scripted.append({ role: "user", parts: [junk] }),
      "messages[0].parts[0]",
    ],
    ["a change", (scripted, junk) => scripted.update(junk), "change"],
    ["an edit", (scripted, junk) => scripted.updateMessage("m", junk), "message"],
  ])("with null or undefined for %s is refused before it is sent", async (_, call, field) => {
    const scripted = await openScripted({});

    for (const junk of [null, undefined]) {
      await expect(call(scripted, junk as never)).rejects.toMatchObject({
        code: "invalid_argument",
        violations: [{ field }],
      });
    }
  });

  it.each([null, 5, "text", {}])(
    "with %j for a list is refused before it is sent",
    async (junk) => {
      const list = junk as never;
      const scripted = await openScripted({});

      const calls = [
        scripted.append([], { agentStates: list }),
        scripted.append({ role: "user", parts: list }),
        scripted.update({ metadataRemove: list }),
        scripted.updateMessage("m", { clear: list }),
        scripted.listMessagesPage({ roles: list }),
      ];

      for (const call of calls) {
        await expect(call).rejects.toMatchObject({ code: "invalid_argument" });
      }
    },
  );

  it.each(["2020-01-01", 1_577_836_800_000, null, new Date("no date")])(
    "with %j for a Date is refused before it is sent",
    async (junk) => {
      const date = junk as Date;
      const { sessions } = await connectToScript({});

      for (const filter of [{ updatedAfter: date }, { updatedBefore: date }]) {
        await expect(sessions.list(filter).next()).rejects.toMatchObject({
          code: "invalid_argument",
        });
      }
    },
  );

  it("throws StateError only, whatever it is given", async () => {
    const { sessions } = await connectToScript({});
    const scripted = await openScripted({});
    const calls = (junk: never) => [
      sessions.open(junk),
      sessions.create(junk),
      sessions.get(junk),
      sessions.delete(junk),
      sessions.listPage(junk),
      scripted.append(junk),
      scripted.append([junk], { agentStates: junk }),
      scripted.append({ role: "user", parts: [junk], raw: junk }),
      scripted.update(junk),
      scripted.updateMessage(junk, junk),
      scripted.listMessagesPage({ roles: junk, order: junk }),
      scripted.messages({ after: junk }).next(),
      scripted.state.put(junk, { expectedVersion: junk }),
    ];

    const property = fc.asyncProperty(junkOf(FIELDS), async (junk) => {
      const results = await Promise.allSettled(calls(junk as never));
      for (const result of results) {
        expect(result).toMatchObject({ status: "rejected", reason: expect.any(StateError) });
      }
    });
    await fc.assert(property, { numRuns: 200 });
  });
});

function part(text: string): NewMessage {
  return { role: "assistant", parts: [{ type: "reasoning", text }] };
}

const FIELDS = [
  ...["id", "key", "title", "metadata", "content", "role", "parts", "raw", "clear", "type", "data"],
  ...["agentStates", "metadataSet", "metadataRemove", "updatedAfter", "pageSize", "roles", "order"],
  ...["updatedBefore", "uri", "arguments", "mediaType", "text", "tokenCount", "state", "key"],
];

/** Anything at all, more likely with the names of fields than not. */
function junkOf(fields: readonly string[]): fc.Arbitrary<unknown> {
  const junk = fc.anything({ withBigInt: true, withDate: true, withNullPrototype: true });
  const named = fc.dictionary(fc.constantFrom(...fields), junk);
  return fc.oneof(
    fc.constant(null),
    junk,
    named,
    fc.dictionary(fc.constantFrom(...fields), fc.array(named)),
  );
}
