import { randomBytes } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { type Message, MessageSchema, Role } from "@mofa-state/proto/mofa/state/v1/message_pb.js";

/** How many messages the history has that is streamed. */
export const HISTORY_LENGTH = 100_000;

const TEXT =
  "A message of a conversation is a sentence or two, and a little longer where the model speaks. ";

// With its ids and times, a message then takes about 300 bytes as it is read.
/** The text of the message that is appended everywhere. */
export const CONTENT = TEXT.repeat(2);

const STARTED_AT = Date.now();
const NODE = randomBytes(6).toString("hex");
const IDS_A_MILLISECOND = 4_096;

let idCount = 0;

/** Makes a UUID of version 7, later than all before it, at next to no cost. */
export function nextId(): string {
  const time = STARTED_AT + Math.floor(idCount / IDS_A_MILLISECOND);
  const counter = (idCount % IDS_A_MILLISECOND).toString(16).padStart(3, "0");
  idCount += 1;
  const hex = time.toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7${counter}-8000-${NODE}`;
}

/** Makes the message that is appended everywhere. */
export function newMessage(): Message {
  return create(MessageSchema, { id: nextId(), role: Role.USER, content: CONTENT });
}
