import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { MessageService } from "@mofa-state/client";
import {
  type MessageSchema,
  type PartSchema,
  Role,
} from "@mofa-state/proto/mofa/state/v1/message_pb.js";
import { it } from "vitest";
import { describeDatabases } from "../support/databases.js";
import { badFields, expectRefusal } from "./refusal.js";
import { shareServer } from "./shared-server.js";

type BadMessage = readonly [
  name: string,
  message: MessageInitShape<typeof MessageSchema>,
  field: string,
];

function withPart(
  part: MessageInitShape<typeof PartSchema>["part"],
): MessageInitShape<typeof MessageSchema> {
  const good = { part: { case: "reasoning", value: { text: "good" } } } as const;
  return { parts: [good, { ...(part && { part }) }] };
}

const LONG = "x".repeat(256);

const BAD_MESSAGES: readonly BadMessage[] = [
  ["a malformed id", { id: "1" }, "id"],
  ["an id in braces", { id: `{${randomUUID()}}` }, "id"],
  ["U+0000 in its text", { content: "a\0b" }, "content"],
  ["a negative token count", { tokenCount: -1 }, "token_count"],
  ["U+0000 in a media type", { raw: { mediaType: "\0" } }, "raw.media_type"],
  ["a media type that is too long", { raw: { mediaType: LONG } }, "raw.media_type"],
  ["an empty part", withPart({ case: undefined }), "parts[1]"],
  [
    "a tool call without an id",
    withPart({ case: "toolCall", value: { name: "n" } }),
    "parts[1].tool_call.id",
  ],
  [
    "a tool call without a name",
    withPart({ case: "toolCall", value: { id: "i" } }),
    "parts[1].tool_call.name",
  ],
  [
    "a tool call whose name is too long",
    withPart({ case: "toolCall", value: { id: "i", name: LONG } }),
    "parts[1].tool_call.name",
  ],
  [
    "a tool result without a call",
    withPart({ case: "toolResult", value: { text: "t" } }),
    "parts[1].tool_result.call_id",
  ],
  [
    "U+0000 in a tool result",
    withPart({ case: "toolResult", value: { callId: "c", text: "\0" } }),
    "parts[1].tool_result.text",
  ],
  [
    "U+0000 in a thought",
    withPart({ case: "reasoning", value: { text: "\0" } }),
    "parts[1].reasoning.text",
  ],
  [
    "U+0000 in a signature",
    withPart({ case: "reasoning", value: { signature: "\0" } }),
    "parts[1].reasoning.signature",
  ],
  ["a file without content", withPart({ case: "file", value: {} }), "parts[1].file"],
  [
    "a file with an empty URI",
    withPart({ case: "file", value: { content: { case: "uri", value: "" } } }),
    "parts[1].file.uri",
  ],
  [
    "a file whose URI is too long",
    withPart({ case: "file", value: { content: { case: "uri", value: "x".repeat(8_193) } } }),
    "parts[1].file.uri",
  ],
];

describeDatabases("a message is refused, new or edited, that has", (database) => {
  const server = shareServer(database);

  it.each(BAD_MESSAGES)("%s", async (_, message, field) => {
    const state = await server.connect();
    const session = await state.sessions.create();
    const { appendMessages, updateMessage } = state.lowLevel(MessageService);
    const { messages } = await session.append({ role: "user" });
    const good = { role: Role.USER };

    await expectRefusal(
      session,
      () => appendMessages({ sessionId: session.id, messages: [good, { ...good, ...message }] }),
      badFields(`messages[1].${field}`),
    );
    const edit = { ...message, sessionId: session.id, id: message.id ?? messages[0]?.id ?? "" };
    await expectRefusal(
      session,
      () => updateMessage({ message: edit, updateMask: { paths: ["content"] } }),
      badFields(`message.${field}`),
    );
  });
});
