import { StateError } from "../errors.js";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Tells whether a text is a UUID. */
export function isUuid(text: unknown): text is string {
  return typeof text === "string" && UUID.test(text);
}

/** Gives a session's name as what it is: an id, or else a key. */
export function fromSessionName(name: string): { readonly id: string } | { readonly key: string } {
  return isUuid(name) ? { id: name } : { key: name };
}

/** The error of deleting the session that the agent is working on. */
export function sessionIsActive(id: string): StateError {
  const message = `session ${id} is the active one: switch to another session before deleting it`;
  return new StateError("failed_precondition", message, { reason: "SESSION_ACTIVE" });
}

/** The error of a session that another user has. */
export function sessionOfOther(name: string): StateError {
  const what = `session ${name} belongs to another user of the tenant`;
  const how = "name another one, such as one with the user's name in it";
  return new StateError("permission_denied", `${what}: ${how}`, { reason: "OTHER_USER" });
}
