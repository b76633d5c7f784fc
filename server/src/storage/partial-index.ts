/** The messages that every context keeps: partial indexes serve only what repeats their conditions word for word. */
export const KEPT = "(role = 'system' OR pinned)";

/** The index `messages_kept`, where a database has partial indexes. */
export const PARTIAL_INDEX = `(session_id, sequence) WHERE ${KEPT} AND deleted_at IS NULL`;
