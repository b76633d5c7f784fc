import type { SessionRef, Storage } from "../../../server/src/domain/storage.js";
import { newUuid } from "../../../server/src/domain/uuid.js";
import { appendOf, EVERYTHING, newMessage, newState, WIDE } from "./samples.js";

type SessionCall = (storage: Storage, ref: SessionRef) => Promise<unknown>;

/** Every method that names a session, by its name. */
export const SESSION_CALLS: Readonly<Record<string, SessionCall>> = {
  "sessions.get": ({ sessions }, ref) => sessions.get(ref),
  "sessions.update": ({ sessions }, ref) => sessions.update(ref, { title: "x" }),
  "sessions.delete": ({ sessions }, ref) => sessions.delete(ref),
  "messages.append": ({ messages }, ref) => messages.append(ref, appendOf(newMessage())),
  "messages.get": ({ messages }, ref) => messages.get(ref, newUuid()),
  "messages.read": ({ messages }, ref) => messages.read(ref, EVERYTHING, WIDE),
  "messages.sequenceBeforeLast": ({ messages }, ref) => messages.sequenceBeforeLast(ref, 1, 1),
  "messages.update": ({ messages }, ref) => messages.update(ref, newUuid(), {}, undefined),
  "messages.delete": ({ messages }, ref) => messages.delete(ref, newUuid()),
  "messages.clear": ({ messages }, ref) => messages.clear(ref, 0),
  "agentStates.put": ({ agentStates }, ref) => agentStates.put(ref, newState()),
  "agentStates.get": ({ agentStates }, ref) => agentStates.get(ref, "", undefined),
  "agentStates.list": ({ agentStates }, ref) => agentStates.list(ref, "", undefined, WIDE),
  "agentStates.delete": ({ agentStates }, ref) => agentStates.delete(ref, "", undefined),
};
