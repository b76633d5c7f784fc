import type { Session } from "@mofa-state/client";
import type { DatabaseKind } from "../support/database-kinds.js";
import { runSql } from "../support/run-sql.js";

/** How many messages {@link seedMessages} leaves in a session. */
export const SEEDED = 1_000_000;

/** The kinds of database that can be written to from outside the server. */
export type SeededKind = Exclude<DatabaseKind, "memory">;

const POSITION = "(thousands.n * 1000 + ones.n + 1)";

/** Makes the UUID of a message out of its position. */
const IDS: Readonly<Record<SeededKind, string>> = {
  sqlite: `printf('00000000-0000-4000-8000-%012x', ${POSITION})`,
  postgres: `CAST('00000000-0000-4000-8000-' || lpad(to_hex(${POSITION}), 12, '0') AS uuid)`,
  mariadb: `CONCAT('00000000-0000-4000-8000-', LPAD(LOWER(HEX(${POSITION})), 12, '0'))`,
  mysql: `CONCAT('00000000-0000-4000-8000-', LPAD(LOWER(HEX(${POSITION})), 12, '0'))`,
};

/** What every message has as the first has it. */
const COPIED =
  "role, status, bytes, version, created_at, updated_at, request_hash, pinned, metadata, parts, content";

/**
 * Repeats a session's only message by SQL, so that there are {@link SEEDED} of it.
 *
 * It takes seconds, where appends take minutes.
 */
export async function seedMessages(kind: SeededKind, url: string, session: Session): Promise<void> {
  // A thousand times a thousand: no database recurses further without being told to.
  await runSql(
    url,
    `INSERT INTO messages (session_id, sequence, id, revision, ${COPIED})
     WITH RECURSIVE thousand (n) AS (
       SELECT 0 UNION ALL SELECT n + 1 FROM thousand WHERE n < 999
     )
     SELECT session_id, ${POSITION}, ${IDS[kind]}, ${POSITION} + 1, ${COPIED}
     FROM messages
     CROSS JOIN thousand AS thousands
     CROSS JOIN thousand AS ones
     WHERE session_id = '${session.id}' AND sequence = 1 AND ${POSITION} > 1
     ORDER BY 2`,
  );
  await runSql(
    url,
    `UPDATE sessions
     SET head_sequence = ${SEEDED}, message_count = ${SEEDED}, revision = ${SEEDED + 1}
     WHERE id = '${session.id}'`,
  );
}
