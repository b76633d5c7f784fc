import { createHash } from "node:crypto";
import { canonicalJson } from "../domain/json.js";
import type { JsonObject } from "../domain/model.js";
import type { Connection } from "./database.js";

/**
 * Hashes each top-level key of metadata whose value is a string, a number, a boolean or
 * null together with that value: what sessions are found by, alike on every database.
 */
export function hashEntries(metadata: JsonObject): readonly Buffer[] {
  return Object.entries(metadata)
    .filter(([, value]) => typeof value !== "object" || value === null)
    .map(([key, value]) =>
      createHash("sha256")
        .update(canonicalJson([key, value]))
        .digest(),
    );
}

/** Makes a session be found by this metadata, and by no other. */
export async function indexMetadata(
  { manager, entities }: Connection,
  sessionId: string,
  metadata: JsonObject,
): Promise<void> {
  await manager.delete(entities.sessionMetadata, { sessionId });
  const entries = hashEntries(metadata).map((entryHash) => ({ sessionId, entryHash }));
  for (let at = 0; at < entries.length; at += 500) {
    await manager.insert(entities.sessionMetadata, entries.slice(at, at + 500));
  }
}
