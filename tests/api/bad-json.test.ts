import { AgentStateService, MessageService } from "@mofa-state/client";
import { Role } from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { expect, it } from "vitest";
import { describeDatabases } from "../support/databases.js";
import { badFields, expectRefusal } from "./refusal.js";
import { shareServer } from "./shared-server.js";

const BAD_JSON: readonly (readonly [name: string, text: string])[] = [
  ["no JSON", "{a: 1}"],
  ["two values", "1 2"],
  ["a single quote", "{'a':1}"],
  ["a comment", "[1] // one"],
  ["NaN", "[NaN]"],
  ["a byte order mark", "\uFEFF{}"],
  ["an escaped U+0000", String.raw`{"a":"\u0000"}`],
  ["an escaped U+0000 in a key", String.raw`{"a\u0000":1}`],
  ["an unpaired high surrogate", String.raw`["\ud83d"]`],
  ["an unpaired low surrogate in a key", String.raw`{"\uDE00":1}`],
  ["surrogates in the wrong order", String.raw`"\ude00\ud83d"`],
  ["a key twice", '{"a":1,"b":2,"a":1}'],
  ["a key twice, once escaped", String.raw`[{"a":1,"\u0061":2}]`],
  ["a number that overflows", "[1e400]"],
  ["a number that vanishes", "[1e-400]"],
  ["an integer that would be rounded", '{"n":9007199254740993}'],
  ["101 levels of lists", "[".repeat(101) + "]".repeat(101)],
  ["101 levels of objects", `${'{"a":'.repeat(101)}1${"}".repeat(101)}`],
];

const GOOD_JSON = [
  ' { "a" : 1 }\n',
  '{"b":1,"a":{"b":2},"list":[{"a":1},{"a":1}]}',
  String.raw`"\ud83d\ude00 \\u0000 \u0001"`,
  "[1.0, -0, 1E+2, 0e-999, 9007199254740992, 123456789012345680000, 5e-324]",
  "[".repeat(100) + "]".repeat(100),
];

describeDatabases("JSON text", (database) => {
  const server = shareServer(database);

  it.each(BAD_JSON)("with %s is refused wherever it stands", async (_, json) => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const { appendMessages } = state.lowLevel(MessageService);
    const { putAgentState } = state.lowLevel(AgentStateService);
    const call = { id: "c", name: "n", argumentsJson: json };

    await expectRefusal(
      session,
      () =>
        appendMessages({
          sessionId: session.id,
          messages: [
            {
              role: Role.ASSISTANT,
              parts: [
                { part: { case: "toolCall", value: call } },
                { part: { case: "data", value: { json } } },
              ],
            },
          ],
          agentStates: [{ payload: { case: "json", value: json } }],
        }),
      badFields(
        "messages[0].parts[0].tool_call.arguments_json",
        "messages[0].parts[1].data.json",
        "agent_states[0].json",
      ),
    );
    await expectRefusal(
      session,
      () => putAgentState({ sessionId: session.id, payload: { case: "json", value: json } }),
      badFields("json"),
    );
  });

  it("that every reader understands alike is given back as it was sent", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const { putAgentState, getAgentState } = state.lowLevel(AgentStateService);

    for (const json of GOOD_JSON) {
      await putAgentState({ sessionId: session.id, payload: { case: "json", value: json } });

      const { agentState } = await getAgentState({ sessionId: session.id });
      expect(agentState?.payload).toEqual({ case: "json", value: json });
    }
  });

  it("is required of a part that is data, and of a state", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const { appendMessages } = state.lowLevel(MessageService);
    const part = { part: { case: "data" as const, value: { json: "" } } };

    await expectRefusal(
      session,
      () =>
        appendMessages({
          sessionId: session.id,
          messages: [{ role: Role.TOOL, parts: [part] }],
          agentStates: [{}, { payload: { case: "json", value: "" } }],
        }),
      badFields("messages[0].parts[0].data.json", "agent_states[0].json", "agent_states[1].json"),
    );
  });

  it("of metadata nests to 32 levels at most, and holds no U+0000", async () => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const deep = JSON.parse(`${'{"a":'.repeat(33)}1${"}".repeat(33)}`);
    const lists = { a: JSON.parse("[".repeat(32) + "]".repeat(32)) };

    for (const metadata of [deep, lists, { a: "\0" }, { a: [{ "\0": 1 }] }]) {
      await expectRefusal(
        session,
        () => session.append([{ role: "user" }, { role: "user", metadata }]),
        badFields("messages[1].metadata"),
      );
      await expectRefusal(
        session,
        () => session.update({ metadata }),
        badFields("session.metadata"),
      );
      await expectRefusal(
        session,
        () => session.update({ metadataSet: metadata }),
        badFields("metadata_set"),
      );
      await expectRefusal(
        session,
        () => state.sessions.create({ key: "k", metadata }),
        badFields("session.metadata"),
      );
    }
    await expect(state.sessions.get({ key: "k" })).rejects.toMatchObject({ code: "not_found" });
  });
});
