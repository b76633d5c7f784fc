import { StateError } from "./errors.js";

/** What is stored under an id that a client chose. */
export interface StoredRequest {
  readonly id: string;
  readonly requestHash: Uint8Array;
  readonly isDeleted: boolean;
}

/** A thing to store, under an id that a client chose. */
export interface IdentifiedRequest {
  readonly id: string;
  readonly requestHash: Uint8Array;
}

/**
 * Tells whether a request was carried out before: true if all its things are stored
 * with equal hashes, false if none is.
 *
 * @throws StateError `already_exists` MESSAGE_DELETED or STATE_DELETED if one was deleted since.
 * @throws StateError `already_exists` ID_REUSED if only some are stored, or one with another hash.
 */
export function isRepeated(
  thing: "message" | "state" | "API call",
  requests: readonly IdentifiedRequest[],
  stored: readonly StoredRequest[],
): boolean {
  const deleted = stored.find(({ isDeleted }) => isDeleted);
  if (deleted !== undefined) {
    const reason = thing === "message" ? "MESSAGE_DELETED" : "STATE_DELETED";
    const message = `${thing} ${deleted.id} was deleted, and ids are never used again: choose another`;
    throw new StateError("already_exists", reason, message);
  }
  const hashes = new Map(stored.map(({ id, requestHash }) => [id, requestHash]));
  const other = requests.find(({ id, requestHash }) => {
    const known = hashes.get(id);
    return known !== undefined && Buffer.compare(known, requestHash) !== 0;
  });
  if (other !== undefined) throw idReused(`${thing} ${other.id} is stored with other content`);
  const [known] = stored;
  if (known !== undefined && hashes.size < requests.length) {
    throw idReused(`${thing} ${known.id} is stored by another call`);
  }
  return known !== undefined;
}

/** The error of a request of which only a part was carried out before. */
export function idReused(what: string): StateError {
  const message = `${what}: repeat that call exactly as it was, or choose new ids`;
  return new StateError("already_exists", "ID_REUSED", message);
}
