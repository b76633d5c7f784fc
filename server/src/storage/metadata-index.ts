import { createHash } from "node:crypto";
import { canonicalJson } from "../domain/json.js";
import type { JsonObject } from "../domain/model.js";
import type { Connection } from "./database.js";
import { In } from "./typeorm.js";

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

/** Makes a session that was found by the metadata `before` be found by `after` instead. */
export async function indexMetadata(
  { manager, entities }: Connection,
  sessionId: string,
  { before, after }: { readonly before: JsonObject; readonly after: JsonObject },
): Promise<void> {
  const old = new Map(hashEntries(before).map((hash) => [hash.toString("hex"), hash]));
  const added: Buffer[] = [];
  for (const hash of hashEntries(after)) {
    if (!old.delete(hash.toString("hex"))) added.push(hash);
  }
  if (old.size > 0) {
    const entryHash = In([...old.values()]);
    await manager.delete(entities.sessionMetadata, { sessionId, entryHash });
  }
  if (added.length > 0) {
    const rows = added.map((entryHash) => ({ sessionId, entryHash }));
    await manager.insert(entities.sessionMetadata, rows);
  }
}
