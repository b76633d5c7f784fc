import type { SessionRef, Storage } from "../../../server/src/domain/storage.js";
import { newUuid } from "../../../server/src/domain/uuid.js";
import type { WriteRef } from "../../../server/src/domain/write-storage.js";
import {
  ALL_CHANGES,
  appendOf,
  EVERYTHING,
  endOf,
  forkOf,
  newMessage,
  newState,
  newWrite,
  textOf,
  WIDE,
} from "./samples.js";

type SessionCall = (storage: Storage, ref: SessionRef) => Promise<unknown>;

/** Every method that names a session, by its name. */
export const SESSION_CALLS: Readonly<Record<string, SessionCall>> = {
  "sessions.get": ({ sessions }, ref) => sessions.get(ref),
  "sessions.update": ({ sessions }, ref) => sessions.update(ref, { title: "x" }),
  "sessions.fork": ({ sessions }, ref) => sessions.fork(ref, forkOf(ref)),
  "sessions.delete": ({ sessions }, ref) => sessions.delete(ref),
  "messages.append": ({ messages }, ref) => messages.append(ref, appendOf(newMessage())),
  "messages.get": ({ messages }, ref) => messages.get(ref, newUuid()),
  "messages.read": ({ messages }, ref) => messages.read(ref, EVERYTHING, WIDE),
  "messages.readKept": ({ messages }, ref) => messages.readKept(ref, EVERYTHING, WIDE),
  "messages.sequenceBeforeLast": ({ messages }, ref) => messages.sequenceBeforeLast(ref, 1, 1),
  "messages.update": ({ messages }, ref) => messages.update(ref, newUuid(), {}, undefined),
  "messages.delete": ({ messages }, ref) => messages.delete(ref, newUuid()),
  "messages.clear": ({ messages }, ref) => messages.clear(ref, 0),
  "agentStates.put": ({ agentStates }, ref) => agentStates.put(ref, newState()),
  "agentStates.get": ({ agentStates }, ref) => agentStates.get(ref, "", undefined),
  "agentStates.list": ({ agentStates }, ref) => agentStates.list(ref, "", undefined, WIDE),
  "agentStates.delete": ({ agentStates }, ref) => agentStates.delete(ref, "", undefined),
  "changes.position": ({ changes }, ref) => changes.position(ref),
  "changes.read": ({ changes }, ref) => changes.read(ref, ALL_CHANGES, 10),
  "changes.messagesBeingWritten": ({ changes }, ref) => changes.messagesBeingWritten(ref),
  "changes.tail": ({ changes }, ref) => changes.tail(ref, 1, { offset: 0, partCount: 0 }),
  "writes.start": ({ writes }, ref) => writes.start(ref, newWrite()),
  "writes.checkpoint": ({ writes }, ref) => writes.checkpoint(toWriteRef(ref), textOf("x"), 1),
  "writes.renew": ({ writes }, ref) => writes.renew(toWriteRef(ref), 1),
  "writes.finish": ({ writes }, ref) => writes.finish(toWriteRef(ref), endOf()),
};

function toWriteRef(ref: SessionRef): WriteRef {
  return { ...ref, messageId: newUuid(), sequence: 1, epoch: 2 };
}
