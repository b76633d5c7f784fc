import type { Message } from "./message.js";

/** What only a stored message has. */
type StoredField = "id" | "sequence" | "createdAt" | "updatedAt" | "version" | "revision";

/**
 * A message to send to a model: one of the session's, or one that is not stored and says
 * that calls were interrupted. That one has no `id`, no `sequence`, and no times.
 */
export type ContextMessage = Omit<Message, StoredField> & {
  readonly [Field in StoredField]: Message[Field] | undefined;
};

/** What to send to a model. */
export interface Context {
  /** In their order. */
  readonly messages: readonly ContextMessage[];
  /** How many tokens they have: as counted when they were appended, or estimated. */
  readonly tokenCount: number;
  /** The session's head when they were read: the `expectedHeadSequence` of an append that answers them. */
  readonly headSequence: number;
  /** Whether messages before the newest turns and steps were left out. */
  readonly isTruncated: boolean;
}
